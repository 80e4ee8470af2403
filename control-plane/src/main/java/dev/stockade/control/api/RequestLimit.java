package dev.stockade.control.api;

import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Only images may be large; Quarkus has one limit for all bodies. */
@ApplicationScoped
class RequestLimit {
    /** Where Quarkus keeps the limit of a request. */
    private static final String LIMIT_KEY = "io.quarkus.max-request-size";

    private final long maxBytes;

    RequestLimit(@ConfigProperty(name = "stockade.request.max-bytes", defaultValue = "1M") MemorySize maxBytes) {
        this.maxBytes = maxBytes.asLongValue();
    }

    void register(@Observes Router router) {
        // After Quarkus has set its limit, before anything reads the body.
        router.route().order(-1).handler(this::limit);
    }

    private void limit(RoutingContext routing) {
        String path = routing.normalizedPath();
        if (path.startsWith("/v1/images/")) {
            routing.next();
            return;
        }
        String length = routing.request().getHeader(HttpHeaders.CONTENT_LENGTH);
        if (length != null && length.matches("[0-9]{1,18}") && Long.parseLong(length) > maxBytes) {
            routing.response()
                    .setStatusCode(413)
                    .putHeader(HttpHeaders.CONTENT_TYPE, Problem.MEDIA_TYPE)
                    .putHeader(HttpHeaders.CONNECTION, "close")
                    .end(new JsonObject()
                            .put("type", Problem.TYPE_PREFIX + "too-large")
                            .put("title", "The request body is too large")
                            .put("status", 413)
                            .put("detail", "at most " + maxBytes + " bytes are taken here")
                            .put("instance", path)
                            .toBuffer());
            return;
        }
        routing.put(LIMIT_KEY, maxBytes);
        routing.next();
    }
}
