package dev.stockade.cli.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;

/** The REST API at one address. Its errors (problem+json) become the command's, in one line. */
public final class ControlPlane implements AutoCloseable {
    public static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final int PAGE = 1000;
    private static final int NOT_FOUND = 404;
    private static final String TENANT_HEADER = "Stockade-Tenant";

    private final URI base;
    private final TraceContext trace;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();

    /** The command is the name of the span that all the requests are below. */
    public ControlPlane(String url, String command) {
        trace = new TraceContext(System.getenv(), command);
        try {
            base = URI.create(url.endsWith("/") ? url.substring(0, url.length() - 1) : url);
        } catch (IllegalArgumentException e) {
            throw new CliException("no URL of a control plane: " + url, e);
        }
        if (base.getHost() == null || !List.of("http", "https").contains(base.getScheme())) {
            throw new CliException("no URL of a control plane: " + url);
        }
    }

    public URI base() {
        return base;
    }

    public Sandbox create(ObjectNode specification) throws UnreachableException, InterruptedException {
        return Sandbox.of(send(json("POST", "/v1/sandboxes", specification)));
    }

    public Sandbox sandbox(String id) throws UnreachableException, InterruptedException {
        return Sandbox.of(send(request("/v1/sandboxes/" + segment(id)).GET()));
    }

    /** All that are not deleted, newest first. */
    public List<Sandbox> sandboxes() throws UnreachableException, InterruptedException {
        List<Sandbox> all = new ArrayList<>();
        String after = "";
        do {
            JsonNode page = send(request("/v1/sandboxes?limit=" + PAGE + after).GET());
            page.path("items").forEach(item -> all.add(Sandbox.of(item)));
            after = page.hasNonNull("next")
                    ? "&after=" + segment(page.path("next").asText())
                    : "";
        } while (!after.isEmpty());
        return all;
    }

    /** The one sandbox that has this id or name, or an id beginning so. */
    public Sandbox find(String reference) throws UnreachableException, InterruptedException {
        if (reference.isEmpty()) {
            throw new CliException("no such sandbox: \"\"");
        }
        HttpResponse<byte[]> exact = exchange(
                request("/v1/sandboxes/" + segment(reference)).GET().build(), HttpResponse.BodyHandlers.ofByteArray());
        if (exact.statusCode() != NOT_FOUND) {
            return Sandbox.of(answer(exact));
        }
        List<Sandbox> beginning = sandboxes().stream()
                .filter(sandbox -> sandbox.id().startsWith(reference))
                .toList();
        if (beginning.size() == 1) {
            return beginning.getFirst();
        }
        throw new CliException(
                beginning.isEmpty()
                        ? "no such sandbox: " + reference
                        : "more than one sandbox begins with " + reference + ": "
                                + String.join(
                                        ", ",
                                        beginning.stream().map(Sandbox::id).toList()));
    }

    public void stop(String id, int graceSeconds) throws UnreachableException, InterruptedException {
        ObjectNode body = JSON.createObjectNode().put("graceSeconds", graceSeconds);
        send(json("POST", "/v1/sandboxes/" + segment(id) + "/stop", body));
    }

    public void delete(String id, boolean force) throws UnreachableException, InterruptedException {
        send(request("/v1/sandboxes/" + segment(id) + (force ? "?force=true" : ""))
                .DELETE());
    }

    /** Announces a further command in a sandbox and answers its execution id. */
    public String createExecution(String id, ObjectNode command) throws UnreachableException, InterruptedException {
        return send(json("POST", "/v1/sandboxes/" + segment(id) + "/executions", command))
                .path("executionId")
                .asText();
    }

    /** The kept output of a sandbox's own command, as lines of JSON; the caller closes it. */
    public InputStream logs(String id, boolean follow) throws UnreachableException, InterruptedException {
        HttpRequest.Builder request = request("/v1/sandboxes/" + segment(id) + "/logs" + (follow ? "?follow=true" : ""))
                .GET();
        HttpResponse<InputStream> response = exchange(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        if (response.statusCode() / 100 != 2) {
            try (InputStream body = response.body()) {
                throw problem(response.statusCode(), body.readAllBytes());
            } catch (IOException e) {
                throw new CliException("the control plane's answer broke off: " + e.getMessage(), e);
            }
        }
        return response.body();
    }

    public List<JsonNode> images() throws UnreachableException, InterruptedException {
        return items(send(request("/v1/images").GET()));
    }

    public List<JsonNode> nodes() throws UnreachableException, InterruptedException {
        return items(send(request("/v1/nodes").GET()));
    }

    public JsonNode importImage(String name, HttpRequest.BodyPublisher tar)
            throws UnreachableException, InterruptedException {
        return send(request("/v1/images/" + segment(name))
                .header("Content-Type", "application/x-tar")
                .PUT(tar));
    }

    public void deleteImage(String name) throws UnreachableException, InterruptedException {
        send(request("/v1/images/" + segment(name)).DELETE());
    }

    /** Connects to an execution's streams; the first connection may be what starts the command. */
    public ExecutionStream attach(String id, String executionId, ExecutionStream stream)
            throws UnreachableException, InterruptedException {
        String scheme = base.getScheme().equals("https") ? "wss" : "ws";
        URI uri = URI.create(scheme + base.toString().substring(base.getScheme().length()) + "/v1/sandboxes/"
                + segment(id) + "/executions/" + segment(executionId) + "/stream");
        try {
            WebSocket.Builder builder = http.newWebSocketBuilder()
                    .header("traceparent", trace.traceparent())
                    .connectTimeout(CONNECT_TIMEOUT);
            String tenant = System.getenv("STOCKADE_TENANT");
            if (tenant != null && !tenant.isEmpty()) {
                builder.header(TENANT_HEADER, tenant);
            }
            WebSocket socket = builder.buildAsync(uri, stream).join();
            stream.connected(socket);
            return stream;
        } catch (CompletionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            if (cause instanceof ConnectException connect) {
                throw unreachable(connect);
            }
            throw new CliException("cannot connect to the streams of sandbox " + id + ": " + cause.getMessage(), e);
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).header("traceparent", trace.traceparent());
        String tenant = System.getenv("STOCKADE_TENANT");
        return tenant == null || tenant.isEmpty() ? request : request.header(TENANT_HEADER, tenant);
    }

    private HttpRequest.Builder json(String method, String path, ObjectNode body) {
        return request(path)
                .header("Content-Type", "application/json")
                .method(method, HttpRequest.BodyPublishers.ofString(body.toString()));
    }

    private JsonNode send(HttpRequest.Builder request) throws UnreachableException, InterruptedException {
        return answer(exchange(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    }

    private static JsonNode answer(HttpResponse<byte[]> response) {
        if (response.statusCode() / 100 != 2) {
            throw problem(response.statusCode(), response.body());
        }
        try {
            return response.body().length == 0 ? JSON.createObjectNode() : JSON.readTree(response.body());
        } catch (IOException e) {
            throw new CliException("the control plane's answer is not JSON: " + e.getMessage(), e);
        }
    }

    private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> handler)
            throws UnreachableException, InterruptedException {
        try {
            return http.send(request, handler);
        } catch (ConnectException e) {
            throw unreachable(e);
        } catch (IOException e) {
            throw new CliException("the control plane at " + base + " broke off: " + e.getMessage(), e);
        }
    }

    private UnreachableException unreachable(ConnectException cause) {
        return new UnreachableException("no control plane answers at " + base, cause);
    }

    private static CliException problem(int status, byte[] body) {
        String text = "";
        try {
            JsonNode problem = JSON.readTree(body);
            text = problem.path("detail").asText(problem.path("title").asText(""));
        } catch (IOException e) {
            text = ""; // no problem+json: the status has to do
        }
        return new CliException(text.isEmpty() ? "the control plane answered HTTP " + status : text);
    }

    /** A list, also where it is wrapped with paging. */
    private static List<JsonNode> items(JsonNode answer) {
        List<JsonNode> all = new ArrayList<>();
        (answer.isArray() ? answer : answer.path("items")).forEach(all::add);
        return all;
    }

    private static String segment(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    @Override
    public void close() {
        http.shutdownNow();
        trace.end();
    }
}
