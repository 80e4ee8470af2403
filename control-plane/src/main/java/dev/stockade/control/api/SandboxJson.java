package dev.stockade.control.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.stockade.control.domain.DesiredState;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A sandbox as clients see it. */
@Schema(name = "Sandbox")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SandboxJson(
        String id,
        @Nullable String name,
        String tenant,
        String image,

        @Schema(description = "The content id of the image when the sandbox was created")
        String imageId,

        List<String> command,
        @Schema(description = "What its node reported last") SandboxState state,
        @Schema(description = "What was asked for last") DesiredState desiredState,

        @Schema(description = "Whether its node has made it; with startOnAttach it then waits for a stream")
        boolean ready,

        @Nullable String node,
        long incarnation,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,

        @Nullable @Schema(description = "Exit status, or 128 + signal")
        Integer exitCode,

        @Nullable @Schema(description = "The signal that killed it, or 0")
        Integer signal,

        @Nullable String reason,
        @Nullable String message,
        long memoryBytes,
        int cpus,
        boolean startOnAttach,
        boolean tty) {
    static SandboxJson of(Sandbox sandbox) {
        Exit exit = sandbox.exit();
        return new SandboxJson(
                sandbox.id(),
                sandbox.name(),
                sandbox.tenant(),
                sandbox.spec().image(),
                sandbox.spec().imageId(),
                sandbox.spec().main().args(),
                sandbox.state(),
                sandbox.desired(),
                sandbox.ready(),
                sandbox.assignment() == null ? null : sandbox.assignment().nodeId(),
                sandbox.incarnation(),
                sandbox.createdAt(),
                sandbox.startedAt(),
                sandbox.finishedAt(),
                exit == null ? null : exit.code(),
                exit == null ? null : exit.signal(),
                blankToNull(sandbox.reason()),
                blankToNull(sandbox.message()),
                sandbox.spec().memoryBytes(),
                sandbox.spec().cpus(),
                sandbox.spec().startOnAttach(),
                sandbox.spec().main().tty());
    }

    private static @Nullable String blankToNull(@Nullable String text) {
        return text == null || text.isBlank() ? null : text;
    }
}
