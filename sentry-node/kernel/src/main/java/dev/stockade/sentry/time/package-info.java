/**
 * Clocks and the timers that run on them. The clock is injected, so everything that waits can be tested without time
 * passing. Uses {@code abi}.
 */
@NullMarked
package dev.stockade.sentry.time;

import org.jspecify.annotations.NullMarked;
