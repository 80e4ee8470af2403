package dev.stockade.control.api;

import dev.stockade.control.lifecycle.CreateRequest.CommandRequest;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.PositiveOrZero;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A request for a sandbox. */
@Schema(name = "CreateSandbox")
public record CreateSandboxJson(
        @NotBlank(message = "name an image, such as busybox") @Size(max = 255) @Schema(examples = "busybox")
        String image,

        @Nullable
        @Size(max = 4096)
        @Schema(
                description = "The program and its arguments; none: the image's own",
                examples = "[\"sh\", \"-c\", \"echo hello\"]")
        List<@NotNull String> command,

        @Nullable @Size(max = 4096)
        Map<
                        @Pattern(regexp = "[^=\\x00]+", message = "the name of a variable is not empty and has no =")
                        String,
                        @NotNull String>
                env,

        @Nullable @Size(max = 4096) String workingDir,

        @Nullable @Pattern(regexp = CommandJson.USER, message = CommandJson.USER_MESSAGE)
        String user,

        @Nullable
        @Pattern(
                regexp = "[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?",
                message = "a host name has 1 to 64 letters, digits, . and -")
        String hostname,

        @Nullable
        @Min(value = 4 << 20, message = "a sandbox needs at least 4 MiB (4194304)")
        @Schema(description = "Memory limit; none: the platform's default")
        Long memoryBytes,

        @Nullable @Min(1) @Max(4096) Integer cpus,

        @Nullable
        @PositiveOrZero
        @Max(31_536_000)
        @Schema(description = "After this many seconds it is killed; 0: never")
        Long timeoutSeconds,

        @Schema(
                description =
                        "Its command starts when the first stream on execution \"main\" is opened, instead of at once")
        boolean startOnAttach,

        @Schema(description = "Standard input is connected to the stream; /dev/null otherwise")
        boolean stdin,

        boolean tty,
        @PositiveOrZero @Max(65_535) int rows,
        @PositiveOrZero @Max(65_535) int columns,

        @Schema(description = "A reaper runs as PID 1 before the command")
        boolean init,

        @Nullable
        @Pattern(
                regexp = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
                message = "a name has 1 to 63 of a-z, 0-9 and -, with no - at either end")
        String name,

        @PositiveOrZero @Max(1 << 22) @Schema(description = "Most tasks at once; 0: the platform's default")
        int maxTasks,

        @Nullable @Size(max = 32) @Schema(description = "Labels that its node must bear")
        Map<String, @NotNull String> nodeLabels) {

    CommandRequest commandRequest() {
        return CommandJson.request(
                Objects.requireNonNullElse(command, List.of()),
                Objects.requireNonNullElse(env, Map.of()),
                workingDir,
                user,
                tty,
                stdin,
                rows,
                columns);
    }
}
