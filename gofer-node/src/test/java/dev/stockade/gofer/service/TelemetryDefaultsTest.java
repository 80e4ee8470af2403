package dev.stockade.gofer.service;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TelemetryDefaultsTest {
    private static boolean disabled(Map<String, String> environment) {
        return Boolean.parseBoolean(new TelemetryDefaults(environment).getValue("quarkus.otel.sdk.disabled"));
    }

    @Test
    void shouldBeOffUnlessAStandardVariableAsksForIt() {
        assertThat(disabled(Map.of())).isTrue();
        assertThat(disabled(Map.of("OTEL_TRACES_EXPORTER", "none"))).isTrue();
        assertThat(disabled(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")))
                .isFalse();
        assertThat(disabled(Map.of("OTEL_TRACES_EXPORTER", "otlp"))).isFalse();
        assertThat(disabled(Map.of("OTEL_TRACES_EXPORTER", "otlp", "OTEL_SDK_DISABLED", "true")))
                .isTrue();
    }
}
