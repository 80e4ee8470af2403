package dev.stockade.control.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A further command of a sandbox. */
@Schema(name = "Execution")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ExecutionJson(
        String executionId,
        String sandboxId,
        List<String> args,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        @Nullable Integer exitCode,
        @Nullable Integer signal,
        @Nullable String reason) {
    static ExecutionJson of(Execution execution) {
        Exit exit = execution.exit();
        return new ExecutionJson(
                execution.id(),
                execution.sandboxId(),
                execution.command().args(),
                execution.createdAt(),
                execution.startedAt(),
                execution.finishedAt(),
                exit == null ? null : exit.code(),
                exit == null ? null : exit.signal(),
                execution.reason());
    }
}
