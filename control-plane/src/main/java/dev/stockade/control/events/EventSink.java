package dev.stockade.control.events;

import dev.stockade.control.storage.EventRow;

/** Where events go. */
@FunctionalInterface
public interface EventSink {
    /** Blocks until the other side has it; throws if it may not have it. */
    void publish(EventRow event);
}
