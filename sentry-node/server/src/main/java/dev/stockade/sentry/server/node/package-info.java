/** The node as such: its configuration, its place in the fleet, its health and its figures. */
@NullMarked
package dev.stockade.sentry.server.node;

import org.jspecify.annotations.NullMarked;
