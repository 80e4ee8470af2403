package dev.stockade.gofer.service;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.microprofile.config.spi.ConfigSource;
import org.jspecify.annotations.Nullable;

/**
 * OpenTelemetry is off unless one of its standard environment variables says where to send to; Quarkus alone would be
 * on and complain. Anything set explicitly wins.
 */
public final class TelemetryDefaults implements ConfigSource {
    private static final String DISABLED = "quarkus.otel.sdk.disabled";
    private static final List<String> EXPORTERS =
            List.of("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER");
    private static final int BELOW_SYSTEM_AND_ENVIRONMENT = 275;

    private final Map<String, String> properties;

    public TelemetryDefaults() {
        this(System.getenv());
    }

    TelemetryDefaults(Map<String, String> environment) {
        boolean wanted = EXPORTERS.stream()
                .map(environment::get)
                .anyMatch(value -> value != null && !value.isBlank() && !value.equals("none"));
        boolean disabled = Boolean.parseBoolean(environment.get("OTEL_SDK_DISABLED"));
        this.properties = Map.of(DISABLED, Boolean.toString(disabled || !wanted));
    }

    @Override
    public Set<String> getPropertyNames() {
        return properties.keySet();
    }

    @Override
    public @Nullable String getValue(String name) {
        return properties.get(name);
    }

    @Override
    public String getName() {
        return "telemetry defaults";
    }

    @Override
    public int getOrdinal() {
        return BELOW_SYSTEM_AND_ENVIRONMENT;
    }
}
