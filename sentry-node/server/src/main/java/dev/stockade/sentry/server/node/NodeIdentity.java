package dev.stockade.sentry.server.node;

import java.util.UUID;

/**
 * Who this node is.
 *
 * @param id stable over restarts where configured
 * @param bootId new at every start of the process
 */
public record NodeIdentity(String id, String bootId) {
    static NodeIdentity of(SentryConfig config) {
        return new NodeIdentity(
                config.node().id().orElseGet(() -> "sentry-" + UUID.randomUUID()),
                UUID.randomUUID().toString());
    }
}
