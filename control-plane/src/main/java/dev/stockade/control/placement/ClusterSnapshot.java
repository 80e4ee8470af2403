package dev.stockade.control.placement;

import java.util.List;

/** Every known sentry node. */
public record ClusterSnapshot(List<NodeView> nodes) {
    public ClusterSnapshot {
        nodes = List.copyOf(nodes);
    }
}
