package dev.stockade.control.telemetry;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Tracing is off unless a standard OTEL_* variable asks for it. Decided before Quarkus starts, as system properties.
 */
public final class TracingSwitch {
    private TracingSwitch() {}

    /** The settings that these variables of the environment mean; none: tracing stays off. */
    public static Map<String, String> settings(Map<String, String> environment) {
        Optional<String> endpoint = Stream.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
                .map(environment::get)
                .filter(value -> value != null && !value.isBlank())
                .findFirst();
        String exporter = environment.getOrDefault("OTEL_TRACES_EXPORTER", endpoint.isPresent() ? "otlp" : "none");
        boolean disabled = Boolean.parseBoolean(environment.getOrDefault("OTEL_SDK_DISABLED", "false"));
        if (disabled || exporter.equals("none")) {
            return Map.of();
        }
        return Map.of(
                "quarkus.otel.sdk.disabled",
                "false",
                "quarkus.otel.exporter.otlp.endpoint",
                endpoint.orElse("http://localhost:4317"));
    }
}
