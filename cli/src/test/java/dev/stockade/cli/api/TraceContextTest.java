package dev.stockade.cli.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TraceContextTest {
    private static final String GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private static String traceparent(Map<String, String> environment) {
        return new TraceContext(environment, "stockade run").traceparent();
    }

    @Test
    void shouldBeginATraceThatIsSampledUnlessRefused() {
        assertThat(traceparent(Map.of()))
                .matches("00-[0-9a-f]{32}-[0-9a-f]{16}-01")
                .isNotEqualTo(traceparent(Map.of()));
        assertThat(traceparent(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")))
                .endsWith("-01");
        assertThat(traceparent(Map.of("OTEL_TRACES_EXPORTER", "otlp"))).endsWith("-01");
        assertThat(traceparent(Map.of("OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")))
                .endsWith("-00");
        assertThat(traceparent(Map.of("OTEL_SDK_DISABLED", "true", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://c")))
                .endsWith("-00");
    }

    @Test
    void shouldGoOnWithTheTraceOfItsCaller() {
        assertThat(traceparent(Map.of("TRACEPARENT", GIVEN))).isEqualTo(GIVEN);
        // With a span of its own where that is exported.
        assertThat(traceparent(Map.of(
                        "TRACEPARENT",
                        GIVEN,
                        "OTEL_EXPORTER_OTLP_ENDPOINT",
                        "http://collector:4318",
                        "OTEL_EXPORTER_OTLP_PROTOCOL",
                        "http/protobuf")))
                .startsWith("00-0af7651916cd43dd8448eb211c80319c-")
                .endsWith("-01")
                .isNotEqualTo(GIVEN);
        assertThat(traceparent(Map.of("TRACEPARENT", "00-" + "0".repeat(32) + "-b7ad6b7169203331-00")))
                .endsWith("-01");
        assertThat(traceparent(Map.of("TRACEPARENT", "nonsense"))).endsWith("-01");
    }

    @Test
    void shouldNotMindACollectorThatIsAway() {
        new TraceContext(
                        Map.of(
                                "OTEL_EXPORTER_OTLP_ENDPOINT",
                                "http://127.0.0.1:1",
                                "OTEL_EXPORTER_OTLP_PROTOCOL",
                                "http/protobuf"),
                        "stockade run")
                .end();
    }
}
