package dev.stockade.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import jakarta.inject.Inject;
import java.util.List;
import org.junit.jupiter.api.Test;

@ControlPlaneTest
class TracingTest {
    private static final String TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

    @Inject
    InMemorySpanExporter spans;

    @Test
    void shouldPassTheTraceOfARequestOnToTheNodes() {
        ApiClient api = new ApiClient();
        try (FakeGofer gofer = new FakeGofer("gofer-trace");
                FakeSentry sentry = new FakeSentry("sentry-trace")) {
            assertThat(gofer.id()).isNotEmpty();
            api.request()
                    .header("traceparent", "00-" + TRACE_ID + "-00f067aa0ba902b7-01")
                    .body("{\"image\":\"busybox\"}")
                    .post("/v1/sandboxes")
                    .then()
                    .statusCode(201);

            assertThat(sentry.traceparents).anyMatch(header -> header.startsWith("00-" + TRACE_ID));
            Await.until(
                    "the spans are there", () -> ours().stream().anyMatch(span -> span.getKind() == SpanKind.SERVER));
            assertThat(ours())
                    .anyMatch(span -> span.getName().equals("stockade.gofer.v1.Images/Resolve"))
                    .anyMatch(span -> span.getName().equals("stockade.sentry.v1.SentryNode/CreateSandbox"));
            SpanData server = ours().stream()
                    .filter(span -> span.getKind() == SpanKind.SERVER)
                    .findFirst()
                    .orElseThrow();
            assertThat(ours().stream().filter(span -> span.getKind() == SpanKind.CLIENT))
                    .allMatch(span -> span.getParentSpanId().equals(server.getSpanId()));
        }
    }

    private List<SpanData> ours() {
        return spans.getFinishedSpanItems().stream()
                .filter(span -> span.getTraceId().equals(TRACE_ID))
                .toList();
    }
}
