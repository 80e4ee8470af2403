package dev.stockade.cli.api;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The span of one command: all its requests are below it, in one trace. It goes on with the trace of TRACEPARENT; without
 * one it begins a trace that asks to be sampled, unless the command's own OTEL_* variables refuse:
 * whether anything records it is up to the fleet's.
 */
final class TraceContext {
    private static final Pattern TRACEPARENT = Pattern.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})");
    private static final Pattern ZEROS = Pattern.compile("0+");
    private static final Duration EXPORT_TIMEOUT = Duration.ofSeconds(2);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CLIENT = 3;

    private final Map<String, String> environment;
    private final String command;
    private final Instant began = Instant.now();
    private final String traceId;
    private final String parentId;
    private final String flags;
    private final String spanId;

    TraceContext(Map<String, String> environment, String command) {
        this.environment = environment;
        this.command = command;
        Matcher given = TRACEPARENT.matcher(environment.getOrDefault("TRACEPARENT", ""));
        boolean isGiven = given.matches()
                && !ZEROS.matcher(given.group(1)).matches()
                && !ZEROS.matcher(given.group(2)).matches();
        traceId = isGiven ? given.group(1) : random(16);
        parentId = isGiven ? given.group(2) : "";
        flags = isGiven ? given.group(3) : isRefused() ? "00" : "01";
        // Who is told of a span must be able to find it: one that is not exported is not put in between.
        spanId = isGiven && collector().isEmpty() ? parentId : random(8);
    }

    private static String random(int bytes) {
        byte[] id = new byte[bytes];
        new SecureRandom().nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    String traceparent() {
        return "00-" + traceId + "-" + spanId + "-" + flags;
    }

    /** This command is not to be traced, whatever the fleet records. */
    private boolean isRefused() {
        return first("OTEL_SDK_DISABLED").filter("true"::equalsIgnoreCase).isPresent()
                || "always_off".equals(first("OTEL_TRACES_SAMPLER").orElse(""))
                || "none".equals(first("OTEL_TRACES_EXPORTER").orElse(""));
    }

    /** Whether the command's own span is exported: off unless a collector is named or the exporter is asked for. */
    private boolean isWanted() {
        String exporter = first("OTEL_TRACES_EXPORTER")
                .orElse(
                        first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
                                        .isPresent()
                                ? "otlp"
                                : "none");
        return !isRefused() && List.of(exporter.split(",")).contains("otlp");
    }

    /** Where this command's own span goes; nowhere by gRPC, for which the command would need a library. */
    private Optional<URI> collector() {
        boolean isHttp = first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
                .filter(protocol -> protocol.toLowerCase(Locale.ROOT).startsWith("http/"))
                .isPresent();
        if (!isHttp || !isWanted()) {
            return Optional.empty();
        }
        String base = first("OTEL_EXPORTER_OTLP_ENDPOINT").orElse("http://localhost:4318");
        try {
            return Optional.of(URI.create(first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
                    .orElse((base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + "/v1/traces")));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private Optional<String> first(String... names) {
        return Stream.of(names)
                .map(name -> environment.getOrDefault(name, "").trim())
                .filter(value -> !value.isEmpty())
                .findFirst();
    }

    /** Ends the span and sends it if that is asked for and it is sampled; a collector that is away costs nothing else. */
    void end() {
        boolean isSampled = (HexFormat.fromHexDigits(flags) & 1) != 0;
        Optional<URI> collector = collector();
        if (!isSampled || collector.isEmpty()) {
            return;
        }
        try (HttpClient http =
                HttpClient.newBuilder().connectTimeout(EXPORT_TIMEOUT).build()) {
            HttpRequest request = HttpRequest.newBuilder(collector.get())
                    .timeout(EXPORT_TIMEOUT)
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(span().toString()))
                    .build();
            try {
                http.send(request, HttpResponse.BodyHandlers.discarding());
            } finally {
                http.shutdownNow();
            }
        } catch (IOException | IllegalArgumentException e) {
            return; // telemetry is no reason for a command to fail
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private ObjectNode span() {
        ObjectNode request = JSON.createObjectNode();
        ObjectNode resourceSpans = request.putArray("resourceSpans").addObject();
        ObjectNode service =
                resourceSpans.putObject("resource").putArray("attributes").addObject();
        service.put("key", "service.name")
                .putObject("value")
                .put("stringValue", first("OTEL_SERVICE_NAME").orElse("stockade-cli"));
        ObjectNode scopeSpans = resourceSpans.putArray("scopeSpans").addObject();
        scopeSpans.putObject("scope").put("name", "dev.stockade.cli");
        ObjectNode span = scopeSpans.putArray("spans").addObject();
        span.put("traceId", traceId).put("spanId", spanId);
        if (!parentId.isEmpty()) {
            span.put("parentSpanId", parentId);
        }
        span.put("name", command)
                .put("kind", CLIENT)
                .put("startTimeUnixNano", nanoseconds(began))
                .put("endTimeUnixNano", nanoseconds(Instant.now()))
                .put("flags", HexFormat.fromHexDigits(flags));
        return request;
    }

    private static String nanoseconds(Instant time) {
        return "%d%09d".formatted(time.getEpochSecond(), time.getNano());
    }
}
