package dev.stockade.control.lifecycle;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What somebody wants a sandbox to be; null where the image or the platform decides.
 *
 * @param idempotency the key of this request and a hash of its content, if it has one
 */
public record CreateRequest(
        String tenant,
        @Nullable String name,
        String image,
        CommandRequest command,
        @Nullable String hostname,
        @Nullable Long memoryBytes,
        @Nullable Integer cpus,
        int maxTasks,
        boolean startOnAttach,
        boolean init,
        long timeoutMs,
        Map<String, String> nodeLabels,
        @Nullable Idempotency idempotency) {
    /** A client's key for a request, and a hash of the request. */
    public record Idempotency(String key, String requestHash) {}

    /** A command as it was asked for. */
    public record CommandRequest(
            List<String> args,
            Map<String, String> env,
            @Nullable String workingDir,
            @Nullable String user,
            boolean tty,
            boolean stdin,
            int rows,
            int columns) {}
}
