package dev.stockade.control.api;

import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.PositiveOrZero;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jspecify.annotations.Nullable;

/** How to stop a sandbox. */
@Schema(name = "StopSandbox")
public record StopJson(
        @Nullable @PositiveOrZero @Max(3600) @Schema(description = "Seconds between SIGTERM and SIGKILL")
        Integer graceSeconds) {}
