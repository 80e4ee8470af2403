package dev.stockade.control.api;

import dev.stockade.control.lifecycle.CreateRequest.CommandRequest;
import dev.stockade.control.lifecycle.InvalidRequestException;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.PositiveOrZero;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A further command for a running sandbox. */
@Schema(name = "CreateExecution")
public record CommandJson(
        @NotEmpty(message = "give a program and its arguments") @Size(max = 4096)
        List<@NotNull String> args,

        @Nullable @Size(max = 4096)
        Map<
                        @Pattern(regexp = "[^=\\x00]+", message = "the name of a variable is not empty and has no =")
                        String,
                        @NotNull String>
                env,

        @Nullable @Size(max = 4096) String workingDir,

        @Nullable @Pattern(regexp = USER, message = USER_MESSAGE)
        String user,

        boolean tty,
        boolean stdin,
        @PositiveOrZero @Max(65_535) int rows,
        @PositiveOrZero @Max(65_535) int columns) {
    static final String USER = "([0-9]{1,10}(:[0-9]{1,10})?)?";
    static final String USER_MESSAGE = "a user is a number, or two: uid or uid:gid";

    CommandRequest request() {
        return request(args, Objects.requireNonNullElse(env, Map.of()), workingDir, user, tty, stdin, rows, columns);
    }

    static CommandRequest request(
            List<String> args,
            Map<String, String> env,
            @Nullable String workingDir,
            @Nullable String user,
            boolean tty,
            boolean stdin,
            int rows,
            int columns) {
        if (args.stream().anyMatch(CommandJson::hasNul)) {
            throw new InvalidRequestException("command", "an argument can't contain a NUL character");
        }
        if (env.values().stream().anyMatch(CommandJson::hasNul)) {
            throw new InvalidRequestException("env", "a variable can't contain a NUL character");
        }
        if (workingDir != null && (!workingDir.startsWith("/") || hasNul(workingDir))) {
            throw new InvalidRequestException("workingDir", "give an absolute path");
        }
        return new CommandRequest(args, env, workingDir, user, tty, stdin, rows, columns);
    }

    private static boolean hasNul(String text) {
        return text.indexOf(0) >= 0;
    }
}
