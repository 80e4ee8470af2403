package dev.stockade.control.placement;

import java.util.Map;

/**
 * A sentry node at the moment of the snapshot.
 *
 * @param reserved what the sandboxes placed on it take
 */
public record NodeView(
        String id,
        String bootId,
        String address,
        boolean alive,
        Resources capacity,
        Resources reserved,
        Map<String, String> labels) {
    public NodeView {
        labels = Map.copyOf(labels);
    }
}
