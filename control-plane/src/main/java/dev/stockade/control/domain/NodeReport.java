package dev.stockade.control.domain;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What a node says of a sandbox it holds. */
public record NodeReport(
        String sandboxId,
        long incarnation,
        Phase phase,
        @Nullable Exit exit,
        String reason,
        String message,
        Instant time) {
    /** How far the node has brought it. */
    public enum Phase {
        CREATED,
        RUNNING,
        STOPPED,
        FAILED
    }
}
