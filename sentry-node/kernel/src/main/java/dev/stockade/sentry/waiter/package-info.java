/**
 * Wait queues: how a blocked task learns that something became ready. Uses {@code abi}.
 */
@NullMarked
package dev.stockade.sentry.waiter;

import org.jspecify.annotations.NullMarked;
