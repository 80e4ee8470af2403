package dev.stockade.control.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** A page of sandboxes. */
@Schema(name = "SandboxList")
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SandboxListJson(
        List<SandboxJson> items,

        @Nullable @Schema(description = "Ask for the next page with after=this; none: this is the last one")
        String next) {}
