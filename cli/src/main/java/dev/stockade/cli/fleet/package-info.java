/** The local fleet: a Kafka broker, a control plane, a gofer node and a sentry node as detached processes of this machine. */
@NullMarked
package dev.stockade.cli.fleet;

import org.jspecify.annotations.NullMarked;
