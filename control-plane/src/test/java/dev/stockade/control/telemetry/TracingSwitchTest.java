package dev.stockade.control.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TracingSwitchTest {
    @Test
    void shouldStayOffUnlessAskedFor() {
        assertThat(TracingSwitch.settings(Map.of())).isEmpty();
        assertThat(TracingSwitch.settings(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "")))
                .isEmpty();
        assertThat(TracingSwitch.settings(
                        Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", "OTEL_SDK_DISABLED", "true")))
                .isEmpty();
        assertThat(TracingSwitch.settings(
                        Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317", "OTEL_TRACES_EXPORTER", "none")))
                .isEmpty();
    }

    @Test
    void shouldSendWhereTheStandardVariablesSay() {
        assertThat(TracingSwitch.settings(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")))
                .containsEntry("quarkus.otel.sdk.disabled", "false")
                .containsEntry("quarkus.otel.exporter.otlp.endpoint", "http://c:4317");
        assertThat(TracingSwitch.settings(Map.of("OTEL_TRACES_EXPORTER", "otlp")))
                .containsEntry("quarkus.otel.exporter.otlp.endpoint", "http://localhost:4317");
    }
}
