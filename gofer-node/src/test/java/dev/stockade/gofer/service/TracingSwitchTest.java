package dev.stockade.gofer.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TracingSwitchTest {
    private static final String DISABLED = "quarkus.otel.sdk.disabled";
    private static final String ENDPOINT = "quarkus.otel.exporter.otlp.traces.endpoint";
    private static final String PROTOCOL = "quarkus.otel.exporter.otlp.traces.protocol";
    private static final String COLLECTOR = "http://collector:4318";

    private static void shouldBeOff(Map<String, String> environment) {
        assertThat(TracingSwitch.settings(environment))
                .containsEntry(DISABLED, "true")
                .doesNotContainKey(ENDPOINT);
    }

    @Test
    void shouldBeOffUnlessAskedFor() {
        shouldBeOff(Map.of());
        shouldBeOff(Map.of("OTEL_SERVICE_NAME", "x", "OTEL_TRACES_SAMPLER", "always_on"));
        shouldBeOff(Map.of("OTEL_SDK_DISABLED", "false"));
        shouldBeOff(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", " "));
        shouldBeOff(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR, "OTEL_TRACES_EXPORTER", "none"));
        shouldBeOff(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR, "OTEL_SDK_DISABLED", "TRUE"));
    }

    @Test
    void shouldSendWhereTheVariablesSay() {
        assertThat(TracingSwitch.settings(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", COLLECTOR)))
                .containsEntry(DISABLED, "false")
                .containsEntry(ENDPOINT, COLLECTOR)
                .containsEntry(PROTOCOL, "grpc");
        assertThat(TracingSwitch.settings(Map.of("OTEL_TRACES_EXPORTER", "otlp")))
                .containsEntry(DISABLED, "false")
                .containsEntry(ENDPOINT, "http://localhost:4317");
        assertThat(TracingSwitch.settings(Map.of(
                        "OTEL_EXPORTER_OTLP_ENDPOINT",
                        "http://other:1",
                        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                        COLLECTOR + "/v1/traces",
                        "OTEL_EXPORTER_OTLP_PROTOCOL",
                        "http/json")))
                .containsEntry(ENDPOINT, COLLECTOR)
                .containsEntry(PROTOCOL, "http/protobuf");
    }
}
