package dev.stockade.control.domain;

import java.util.Map;

/** What a node says of itself when it starts. */
public record NodeRegistration(
        String id,
        String bootId,
        FleetNode.Kind kind,
        String address,
        long memoryBytes,
        int cpus,
        int sandboxes,
        Map<String, String> labels,
        String version) {
    public NodeRegistration {
        labels = Map.copyOf(labels);
    }
}
