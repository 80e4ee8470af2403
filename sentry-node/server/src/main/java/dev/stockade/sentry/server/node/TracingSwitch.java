package dev.stockade.sentry.server.node;

import java.util.Map;

/** Tracing is off unless the standard environment variables name somewhere to send to. */
public final class TracingSwitch {
    private static final String DISABLED = "quarkus.otel.sdk.disabled";

    private TracingSwitch() {}

    /** Sets the configuration property that Quarkus reads; to be called before it starts. */
    public static void apply(Map<String, String> environment) {
        if (System.getProperty(DISABLED) == null && isOn(environment)) {
            System.setProperty(DISABLED, "false");
        }
    }

    static boolean isOn(Map<String, String> environment) {
        String disabled = environment.get("OTEL_SDK_DISABLED");
        if (disabled != null && !disabled.isBlank()) {
            return disabled.trim().equalsIgnoreCase("false");
        }
        String exporter = environment.getOrDefault("OTEL_TRACES_EXPORTER", "");
        if (exporter.equals("none")) {
            return false;
        }
        return !exporter.isEmpty()
                || environment.containsKey("OTEL_EXPORTER_OTLP_ENDPOINT")
                || environment.containsKey("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    }
}
