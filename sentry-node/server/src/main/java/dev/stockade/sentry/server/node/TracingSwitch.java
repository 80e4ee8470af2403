package dev.stockade.sentry.server.node;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Tracing is off unless a standard OTEL_* variable asks for it. Decided before Quarkus starts, as system properties:
 * those win over what Quarkus and the SDK would make of the variables, which is to fail where they don't know a value.
 * The three services do the same here.
 */
public final class TracingSwitch {
    private static final String DEFAULT_ENDPOINT = "http://localhost:4317";
    private static final String SIGNAL_PATH = "/v1/traces";

    private TracingSwitch() {}

    /** Sets what these variables mean, where the command line of the JVM does not say otherwise. */
    public static void apply(Map<String, String> environment) {
        settings(environment).forEach((name, value) -> {
            if (System.getProperty(name) == null) {
                System.setProperty(name, value);
            }
        });
    }

    /** The properties that these variables of the environment mean. */
    static Map<String, String> settings(Map<String, String> environment) {
        Optional<String> endpoint =
                first(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT");
        String exporter = first(environment, "OTEL_TRACES_EXPORTER").orElse(endpoint.isPresent() ? "otlp" : "none");
        boolean isDisabled = first(environment, "OTEL_SDK_DISABLED")
                .filter("true"::equalsIgnoreCase)
                .isPresent();
        Map<String, String> settings = new LinkedHashMap<>();
        // Quarkus's own exporter, which is an OTLP one; metrics are read from /q/metrics, logs from the console.
        settings.put("otel.traces.exporter", "cdi");
        settings.put("otel.metrics.exporter", "none");
        settings.put("otel.logs.exporter", "none");
        if (isDisabled
                || !Stream.of(exporter.split(",")).map(String::trim).toList().contains("otlp")) {
            settings.put("quarkus.otel.sdk.disabled", "true");
            return settings;
        }
        settings.put("quarkus.otel.sdk.disabled", "false");
        settings.put("otel.sdk.disabled", "false");
        settings.put("quarkus.otel.exporter.otlp.traces.endpoint", base(endpoint.orElse(DEFAULT_ENDPOINT)));
        String protocol = first(environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
                .orElse("grpc")
                .toLowerCase(Locale.ROOT);
        // Who takes OTLP as JSON takes it as protobuf at the same address, and only that can be sent.
        settings.put(
                "quarkus.otel.exporter.otlp.traces.protocol", protocol.startsWith("http/") ? "http/protobuf" : "grpc");
        return settings;
    }

    /** Quarkus appends the path, which the variable for traces alone has already. */
    private static String base(String endpoint) {
        return endpoint.endsWith(SIGNAL_PATH)
                ? endpoint.substring(0, endpoint.length() - SIGNAL_PATH.length())
                : endpoint;
    }

    private static Optional<String> first(Map<String, String> environment, String... names) {
        return Stream.of(names)
                .map(name -> environment.getOrDefault(name, "").trim())
                .filter(value -> !value.isEmpty())
                .findFirst();
    }
}
