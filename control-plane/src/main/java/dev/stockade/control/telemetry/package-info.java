/**
 * Metrics and health of the control plane.
 */
@NullMarked
package dev.stockade.control.telemetry;

import org.jspecify.annotations.NullMarked;
