package dev.stockade.control.domain;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened in a sandbox's life.
 *
 * @param sequence counts the events of this sandbox from 1, without holes
 * @param attributes what only this kind of event has
 */
public record SandboxEvent(
        EventType type,
        String sandboxId,
        String tenant,
        long incarnation,
        long sequence,
        Instant time,
        @Nullable String node,
        @Nullable String reason,
        @Nullable String message,
        @Nullable Exit exit,
        @Nullable String executionId,
        Map<String, String> attributes) {
    public SandboxEvent {
        attributes = Map.copyOf(attributes);
    }
}
