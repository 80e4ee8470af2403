package dev.stockade.control.domain;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A further command in a sandbox; the sandbox's own one is called {@link #MAIN} and has no record. */
public record Execution(
        String id,
        String sandboxId,
        Command command,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        @Nullable Exit exit,
        @Nullable String reason) {
    /** The name of the sandbox's own command. */
    public static final String MAIN = "main";

    public static Execution announced(String id, String sandboxId, Command command, Instant now) {
        return new Execution(id, sandboxId, command, now, null, null, null, null);
    }

    public Execution started(Instant at) {
        return new Execution(id, sandboxId, command, createdAt, at, finishedAt, exit, reason);
    }

    public Execution finished(Instant at, @Nullable Exit how, @Nullable String why) {
        return new Execution(id, sandboxId, command, createdAt, startedAt, at, how, why);
    }
}
