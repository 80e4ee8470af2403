package dev.stockade.control.domain;

import java.time.Instant;
import java.util.Map;

/**
 * A node of the fleet as it registered.
 *
 * @param bootId new at every start of its process
 * @param address host:port of its gRPC server
 */
public record FleetNode(
        String id,
        String bootId,
        Kind kind,
        String address,
        State state,
        long memoryBytes,
        int cpus,
        int sandboxes,
        Map<String, String> labels,
        String version,
        Instant registeredAt,
        Instant lastHeartbeat,
        int usedSandboxes,
        long usedMemoryBytes) {
    /** What a node is for. */
    public enum Kind {
        SENTRY,
        GOFER
    }

    /** Whether it can be counted on. */
    public enum State {
        READY,
        /** Not heard of in time. */
        LOST,
        /** It said that it shuts down. */
        GONE
    }

    public FleetNode {
        labels = Map.copyOf(labels);
    }

    public boolean isReady() {
        return state == State.READY;
    }
}
