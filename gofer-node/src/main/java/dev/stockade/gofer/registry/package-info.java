/**
 * Makes this node known to the control plane and keeps it known.
 */
@NullMarked
package dev.stockade.gofer.registry;

import org.jspecify.annotations.NullMarked;
