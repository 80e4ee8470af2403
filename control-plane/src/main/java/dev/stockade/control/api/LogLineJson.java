package dev.stockade.control.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.stockade.proto.sentry.v1.LogsResponse;
import java.util.ArrayList;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A piece of output.
 *
 * @param data base64 in JSON: output need not be text
 */
@Schema(name = "LogLine")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record LogLineJson(
        @Schema(description = "stdout, stderr, or dropped") String stream,
        byte @Nullable [] data,

        @Nullable @Schema(description = "How many bytes before this are not kept any more")
        Long droppedBytes) {
    static List<LogLineJson> of(LogsResponse response) {
        List<LogLineJson> lines = new ArrayList<>();
        if (response.getDroppedBytes() > 0) {
            lines.add(new LogLineJson("dropped", null, response.getDroppedBytes()));
        }
        if (!response.getStdout().isEmpty()) {
            lines.add(new LogLineJson("stdout", response.getStdout().toByteArray(), null));
        }
        if (!response.getStderr().isEmpty()) {
            lines.add(new LogLineJson("stderr", response.getStderr().toByteArray(), null));
        }
        return lines;
    }
}
