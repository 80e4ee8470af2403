package dev.stockade.control.reconcile;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.lifecycle.NodeReports;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** One watch for each sentry node that is there. Exclusive to the reconciler's thread. */
@ApplicationScoped
class NodeWatches {
    private final SentryNodes sentries;
    private final SandboxStore sandboxes;
    private final NodeReports reports;
    private final Clock clock;
    private final Map<String, NodeWatch> watches = new HashMap<>();

    NodeWatches(SentryNodes sentries, SandboxStore sandboxes, NodeReports reports, Clock clock) {
        this.sentries = sentries;
        this.sandboxes = sandboxes;
        this.reports = reports;
        this.clock = clock;
    }

    /** Starts and ends watches so that these nodes are followed, and no others. */
    void follow(List<FleetNode> nodes) {
        Map<String, FleetNode> wanted = nodes.stream().collect(Collectors.toMap(FleetNode::id, Function.identity()));
        watches.entrySet().removeIf(entry -> {
            FleetNode node = wanted.get(entry.getKey());
            boolean stale = node == null || !entry.getValue().follows(node);
            if (stale) {
                entry.getValue().close();
            }
            return stale;
        });
        for (FleetNode node : nodes) {
            watches.computeIfAbsent(node.id(), id -> {
                NodeWatch watch = new NodeWatch(node, sentries, sandboxes, reports, clock);
                watch.start();
                return watch;
            });
        }
    }
}
