package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** A fleet that was told of a collector by the standard variables. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class TelemetryTest {
    private static final Duration SOON = Duration.ofSeconds(90);
    private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
    private static final String CALLER = "b7ad6b7169203331";
    private static TraceCollector collector;
    private static Fleet fleet;

    @BeforeAll
    static void start() throws Exception {
        SharedFleet.assumeKvm();
        collector = new TraceCollector();
        fleet = new Fleet();
        fleet.environment.putAll(Map.of(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                collector.url(),
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "http/protobuf",
                "OTEL_TRACES_EXPORTER",
                "otlp",
                "OTEL_TRACES_SAMPLER",
                "parentbased_always_on",
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=test"));
        fleet.up();
    }

    @AfterAll
    static void end() throws Exception {
        if (fleet != null) {
            fleet.close();
        }
        if (collector != null) {
            collector.close();
        }
    }

    private static List<TraceCollector.Span> trace(String id) {
        return collector.spans().stream()
                .filter(span -> span.traceId().equals(id))
                .toList();
    }

    private static Set<String> services(List<TraceCollector.Span> spans) {
        return spans.stream().map(TraceCollector.Span::service).collect(Collectors.toSet());
    }

    /** The services from the caller's down to the one that made the span, each named once for its spans in a row. */
    private static List<String> path(TraceCollector.Span span, Map<String, TraceCollector.Span> spans) {
        List<String> path = new ArrayList<>();
        TraceCollector.Span at = span;
        while (at != null) {
            if (path.isEmpty() || !path.getFirst().equals(at.service())) {
                path.addFirst(at.service());
            }
            if (!spans.containsKey(at.parentId())) {
                path.addFirst(at.parentId());
            }
            at = spans.get(at.parentId());
        }
        return path;
    }

    @Test
    void shouldTraceACommandFromItsRequestToTheGofer() throws Exception {
        fleet.environment.put("TRACEPARENT", "00-" + TRACE + "-" + CALLER + "-01");
        Launched.Result result;
        try {
            result = fleet.stockade("run", "busybox", "true");
        } finally {
            fleet.environment.remove("TRACEPARENT");
        }

        assertThat(result.status()).as(result.err()).isZero();
        List<String> downToTheGofer = List.of(
                CALLER, "stockade-cli", "stockade-control-plane", "stockade-sentry-node", "stockade-gofer-node");
        Function<List<TraceCollector.Span>, List<List<String>>> paths = spans -> {
            Map<String, TraceCollector.Span> byId =
                    spans.stream().collect(Collectors.toMap(TraceCollector.Span::id, Function.identity()));
            return spans.stream().map(span -> path(span, byId)).distinct().toList();
        };
        List<TraceCollector.Span> spans = Await.until(
                SOON,
                () -> trace(TRACE),
                seen -> paths.apply(seen).contains(downToTheGofer)
                        && seen.stream().map(TraceCollector.Span::name).anyMatch("execution"::equals));
        assertThat(spans)
                .extracting(TraceCollector.Span::name)
                .contains("stockade run", "sandbox create", "gofer attach", "execution");
        assertThat(services(spans)).hasSize(4);
        // Nothing of the trace hangs in the air: each path begins at who called the command.
        Await.until(
                SOON,
                () -> paths.apply(trace(TRACE)),
                all -> all.stream().allMatch(path -> path.getFirst().equals(CALLER)));
        assertThat(collector.problems()).isEmpty();
    }

    @Test
    void shouldSayHowItIsAndWhatItDid() throws Exception {
        Launched.Result result = fleet.stockade("run", "busybox", "true");

        assertThat(result.status()).as(result.err()).isZero();
        for (int offset : List.of(0, 11, 21)) {
            assertThat(Fleet.JSON
                            .readTree(get(offset, "/q/health"))
                            .path("status")
                            .asText())
                    .isEqualTo("UP");
            assertThat(get(offset, "/q/metrics")).contains("# TYPE");
        }
        // They are brought up to date when a sandbox ends and every few seconds.
        String metrics =
                Await.until(SOON, () -> get(21, "/q/metrics"), seen -> seen.contains("stockade_syscalls_total{"));
        assertThat(metrics)
                .containsPattern("stockade_syscalls_total\\{[^}]*name=\"exit_group\"[^}]*} [1-9]")
                .containsPattern("stockade_vm_exits_total\\{[^}]*reason=\"syscall\"[^}]*} [1-9]")
                .containsPattern("stockade_page_faults_total(\\{[^}]*})? [1-9]")
                .containsPattern("stockade_sandboxes[a-z_]*(\\{[^}]*})? [0-9]");
    }

    @Test
    void shouldNotSendTheSpanOfACommandThatWasNotAskedForIt() throws Exception {
        Map<String, String> kept = Map.copyOf(fleet.environment);
        fleet.environment.clear();
        try {
            long before = commands();
            assertThat(fleet.stockade("ps").status()).isZero();
            assertThat(commands()).isEqualTo(before);
        } finally {
            fleet.environment.putAll(kept);
        }
    }

    @Test
    @Order(Integer.MAX_VALUE)
    void shouldWorkWithoutTheCollector() throws Exception {
        collector.close();

        for (int i = 0; i < 3; i++) {
            Launched.Result result = fleet.stockade("run", "busybox", "echo", "works");
            assertThat(result.status()).as(result.err()).isZero();
            assertThat(result.out()).isEqualTo("works\n");
            assertThat(result.err()).isEmpty();
        }
    }

    /** From a service of the fleet, by the distance of its port from the first. */
    private static String get(int offset, String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + (fleet.base + offset) + path);
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> response =
                    http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return response.body();
        }
    }

    private static long commands() {
        return collector.spans().stream()
                .filter(span -> span.service().equals("stockade-cli"))
                .count();
    }
}
