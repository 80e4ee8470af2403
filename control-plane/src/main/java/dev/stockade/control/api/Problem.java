package dev.stockade.control.api;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/**
 * An error, as RFC 9457 has it.
 *
 * @param type names the kind of problem for programs
 * @param detail says what to do about it
 * @param more what only this kind of problem has
 */
@Schema(description = "An error (RFC 9457)")
public record Problem(
        String type,
        String title,
        int status,
        String detail,
        String instance,
        @JsonIgnore Map<String, Object> more) {
    public static final String MEDIA_TYPE = "application/problem+json";

    /** Begins every type. */
    public static final String TYPE_PREFIX = "urn:stockade:problem:";

    public Problem {
        more = Map.copyOf(more);
    }

    @JsonAnyGetter
    @Schema(hidden = true)
    public Map<String, Object> extensions() {
        return more;
    }
}
