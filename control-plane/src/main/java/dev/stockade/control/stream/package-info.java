/**
 * The bridge between a client's WebSocket and an execution's streams on its node, with backpressure
 * from end to end in both directions.
 */
@NullMarked
package dev.stockade.control.stream;

import org.jspecify.annotations.NullMarked;
