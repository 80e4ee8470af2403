package dev.stockade.control.stream;

import dev.stockade.control.api.Problem;
import dev.stockade.control.api.Tenant;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.lifecycle.FindSandbox;
import dev.stockade.control.nodes.SentryNodes;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.URI;
import java.util.List;
import java.util.Objects;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Accepts the WebSocket of a stream. This is a plain Vert.x route: only there can the reading of a WebSocket be
 * paused, which backpressure needs.
 */
@ApplicationScoped
class StreamRoute {
    private static final Logger LOG = Logger.getLogger(StreamRoute.class);
    private static final int PLATFORM_ERROR = 125;

    private final FindSandbox find;
    private final SentryNodes nodes;
    private final ExecutionJournal journal;
    private final StreamConfig config;
    private final Vertx vertx;

    StreamRoute(FindSandbox find, SentryNodes nodes, ExecutionJournal journal, StreamConfig config, Vertx vertx) {
        this.find = find;
        this.nodes = nodes;
        this.journal = journal;
        this.config = config;
        this.vertx = vertx;
    }

    void register(@Observes Router router) {
        router.get("/v1/sandboxes/:sandbox/executions/:execution/stream")
                .order(-1)
                .handler(this::accept);
    }

    private void accept(RoutingContext routing) {
        HttpServerRequest request = routing.request();
        if (!"websocket".equalsIgnoreCase(request.getHeader(HttpHeaders.UPGRADE))) {
            refuse(routing, 426, "upgrade-required", "Upgrade required", "open this address as a WebSocket");
            return;
        }
        String origin = request.getHeader(HttpHeaders.ORIGIN);
        if (origin != null && !isAllowed(origin, request.getHeader(HttpHeaders.HOST))) {
            refuse(
                    routing,
                    403,
                    "origin-not-allowed",
                    "Origin not allowed",
                    "pages of " + origin + " may not open streams here: see stockade.stream.allowed-origins");
            return;
        }
        String tenant = request.getHeader(Tenant.HEADER);
        // A page can't send headers with a WebSocket.
        String tenantName = tenant == null ? request.getParam("tenant") : tenant;
        // The route has both.
        String sandboxId = Objects.requireNonNull(routing.pathParam("sandbox"));
        String executionId = Objects.requireNonNull(routing.pathParam("execution"));
        io.opentelemetry.context.Context trace = io.opentelemetry.context.Context.current();
        Context loop = vertx.getOrCreateContext();
        request.toWebSocket()
                .onSuccess(socket -> {
                    socket.pause();
                    Thread.ofVirtual()
                            .name("stream-" + sandboxId)
                            .start(() -> connect(socket, loop, trace, tenantName, sandboxId, executionId));
                })
                .onFailure(e -> LOG.debugf("a WebSocket was not accepted: %s", e.getMessage()));
    }

    /** Finding the sandbox blocks, so this is not on the event loop. */
    private void connect(
            ServerWebSocket socket,
            Context loop,
            io.opentelemetry.context.Context trace,
            @Nullable String tenant,
            String sandboxId,
            String executionId) {
        try {
            Sandbox sandbox = find.find(Tenant.of(tenant), sandboxId);
            if (!executionId.equals(Execution.MAIN)) {
                find.execution(sandbox, executionId);
            }
            if (sandbox.state() == SandboxState.FAILED) {
                throw new IllegalStateException(
                        "sandbox " + sandbox.id() + " failed: " + sandbox.reason() + ": " + sandbox.message());
            }
            String address = nodes.addressOf(sandbox);
            Runnable begin = trace.wrap(() -> {
                StreamBridge bridge = new StreamBridge(socket, loop, sandbox, executionId, journal);
                bridge.open(nodes.streaming(address), config.pingInterval());
                bridge.begin();
            });
            loop.runOnContext(nothing -> begin.run());
        } catch (RuntimeException e) {
            loop.runOnContext(nothing ->
                    StreamBridge.finish(socket, StreamBridge.error(String.valueOf(e.getMessage()), PLATFORM_ERROR)));
        }
    }

    /** Any page may open a WebSocket to any address; the browser only says which page it was. */
    private boolean isAllowed(String origin, @Nullable String host) {
        try {
            return (host != null && host.equalsIgnoreCase(URI.create(origin).getAuthority()))
                    || config.allowedOrigins().orElse(List.of()).contains(origin);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static void refuse(RoutingContext routing, int status, String type, String title, String detail) {
        routing.response()
                .setStatusCode(status)
                .putHeader(HttpHeaders.CONTENT_TYPE, Problem.MEDIA_TYPE)
                .end(new JsonObject()
                        .put("type", Problem.TYPE_PREFIX + type)
                        .put("title", title)
                        .put("status", status)
                        .put("detail", detail)
                        .put("instance", routing.request().path())
                        .toBuffer());
    }
}
