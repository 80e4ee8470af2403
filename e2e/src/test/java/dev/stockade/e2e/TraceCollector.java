package dev.stockade.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BiConsumer;
import java.util.zip.GZIPInputStream;

/** Takes spans by OTLP over HTTP, as protobuf or JSON, and keeps them. */
final class TraceCollector implements AutoCloseable {
    /** The ids in hexadecimal; no parent: an empty one. */
    record Span(String service, String name, String traceId, String id, String parentId) {}

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final List<Span> spans = new CopyOnWriteArrayList<>();
    private final List<String> problems = new CopyOnWriteArrayList<>();

    TraceCollector() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/v1/traces", this::take);
        server.createContext("/", exchange -> {
            problems.add("a request to " + exchange.getRequestURI());
            exchange.sendResponseHeaders(404, -1);
            exchange.close();
        });
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    List<Span> spans() {
        return List.copyOf(spans);
    }

    /** What came that is no export of spans. */
    List<String> problems() {
        return List.copyOf(problems);
    }

    private void take(HttpExchange exchange) throws IOException {
        try (exchange) {
            boolean isPacked = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
            byte[] body = (isPacked ? new GZIPInputStream(exchange.getRequestBody()) : exchange.getRequestBody())
                    .readAllBytes();
            try {
                if (String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type"))
                        .startsWith("application/json")) {
                    json(Fleet.JSON.readTree(body));
                } else {
                    protobuf(ByteBuffer.wrap(body));
                }
            } catch (RuntimeException e) {
                problems.add("no spans: " + e);
            }
            exchange.sendResponseHeaders(200, -1);
        }
    }

    private void json(JsonNode request) {
        for (JsonNode resource : request.path("resourceSpans")) {
            String service = "";
            for (JsonNode attribute : resource.path("resource").path("attributes")) {
                if (attribute.path("key").asText().equals("service.name")) {
                    service = attribute.path("value").path("stringValue").asText();
                }
            }
            for (JsonNode scope : resource.path("scopeSpans")) {
                for (JsonNode span : scope.path("spans")) {
                    spans.add(new Span(
                            service,
                            span.path("name").asText(),
                            span.path("traceId").asText(),
                            span.path("spanId").asText(),
                            span.path("parentSpanId").asText()));
                }
            }
        }
    }

    /** ExportTraceServiceRequest of opentelemetry-proto: the few fields that are looked at, by their numbers. */
    private void protobuf(ByteBuffer request) {
        fields(request, (number, resourceSpans) -> {
            String[] service = {""};
            fields(resourceSpans.duplicate(), (field, resource) -> {
                if (field == 1) {
                    fields(resource, (attribute, pair) -> {
                        String[] keyAndValue = {"", ""};
                        fields(pair, (part, value) -> {
                            if (part == 1) {
                                keyAndValue[0] = text(value);
                            } else {
                                fields(value, (kind, text) -> keyAndValue[1] = kind == 1 ? text(text) : "");
                            }
                        });
                        if (keyAndValue[0].equals("service.name")) {
                            service[0] = keyAndValue[1];
                        }
                    });
                }
            });
            fields(resourceSpans, (field, scopeSpans) -> {
                if (field == 2) {
                    fields(scopeSpans, (part, span) -> {
                        if (part == 2) {
                            span(service[0], span);
                        }
                    });
                }
            });
        });
    }

    private void span(String service, ByteBuffer message) {
        String[] parts = {"", "", "", "", "", ""}; // 1 trace_id, 2 span_id, 4 parent_span_id, 5 name
        fields(message, (number, value) -> {
            if (number < parts.length) {
                parts[number] = number == 5 ? text(value) : HexFormat.of().formatHex(bytes(value));
            }
        });
        spans.add(new Span(service, parts[5], parts[1], parts[2], parts[4]));
    }

    /** The fields of a message that have a length: strings, bytes and messages; numbers are passed over. */
    private static void fields(ByteBuffer message, BiConsumer<Integer, ByteBuffer> field) {
        message.order(ByteOrder.LITTLE_ENDIAN);
        while (message.hasRemaining()) {
            long tag = varint(message);
            switch ((int) tag & 7) {
                case 0 -> varint(message);
                case 1 -> message.position(message.position() + Long.BYTES);
                case 2 -> {
                    int length = (int) varint(message);
                    field.accept((int) (tag >>> 3), message.slice(message.position(), length));
                    message.position(message.position() + length);
                }
                case 5 -> message.position(message.position() + Integer.BYTES);
                default -> throw new IllegalArgumentException("no protobuf");
            }
        }
    }

    private static long varint(ByteBuffer from) {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            byte next = from.get();
            value |= (long) (next & 0x7f) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("no protobuf");
    }

    private static byte[] bytes(ByteBuffer value) {
        byte[] bytes = new byte[value.remaining()];
        value.get(bytes);
        return bytes;
    }

    private static String text(ByteBuffer value) {
        return new String(bytes(value), StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
