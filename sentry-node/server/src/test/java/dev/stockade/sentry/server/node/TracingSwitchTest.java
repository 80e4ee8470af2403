package dev.stockade.sentry.server.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TracingSwitchTest {
    @Test
    void shouldBeOffUnlessAskedFor() {
        assertThat(TracingSwitch.isOn(Map.of())).isFalse();
        assertThat(TracingSwitch.isOn(Map.of("OTEL_SERVICE_NAME", "x"))).isFalse();
        assertThat(TracingSwitch.isOn(Map.of("OTEL_TRACES_EXPORTER", "none"))).isFalse();
        assertThat(TracingSwitch.isOn(
                        Map.of("OTEL_SDK_DISABLED", "true", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")))
                .isFalse();
    }

    @Test
    void shouldBeOnWithTheStandardVariables() {
        assertThat(TracingSwitch.isOn(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317")))
                .isTrue();
        assertThat(TracingSwitch.isOn(Map.of("OTEL_TRACES_EXPORTER", "otlp"))).isTrue();
        assertThat(TracingSwitch.isOn(Map.of("OTEL_SDK_DISABLED", "false"))).isTrue();
    }
}
