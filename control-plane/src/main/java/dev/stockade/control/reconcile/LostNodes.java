package dev.stockade.control.reconcile;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.nodes.NodeProbe;
import dev.stockade.control.nodes.NodesConfig;
import dev.stockade.control.storage.NodeStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Gives up nodes that are silent and do not answer either. A heartbeat can be late because a machine is busy; a
 * process that is gone refuses the connection at once. One that hangs gets twice the time.
 */
@ApplicationScoped
class LostNodes {
    private static final Logger LOG = Logger.getLogger(LostNodes.class);

    private final NodeStore nodes;
    private final NodeProbe probe;
    private final NodesConfig config;

    LostNodes(NodeStore nodes, NodeProbe probe, NodesConfig config) {
        this.nodes = nodes;
        this.probe = probe;
        this.config = config;
    }

    void sweep() throws InterruptedException {
        List<FleetNode> silent = nodes.silent(config.timeout(), Leadership.LEASE);
        if (silent.isEmpty()) {
            return;
        }
        // Long enough that being busy is no excuse.
        Set<String> silentForLong = nodes.silent(config.timeout().multipliedBy(2), Leadership.LEASE).stream()
                .map(FleetNode::id)
                .collect(Collectors.toSet());
        List<Thread> probes = silent.stream()
                .map(node -> Thread.ofVirtual()
                        .name("probe-" + node.id())
                        .start(() -> judge(node, silentForLong.contains(node.id()))))
                .toList();
        for (Thread thread : probes) {
            thread.join();
        }
    }

    private void judge(FleetNode node, boolean forLong) {
        try {
            switch (probe.ask(node, config.probeTimeout())) {
                case ANSWERS -> {
                    LOG.warnf("node %s sends no heartbeats but answers", node.id());
                    nodes.touch(node);
                }
                case REFUSES -> giveUp(node, "nobody listens at its address");
                case SILENT -> {
                    if (forLong) {
                        giveUp(node, "it does not answer");
                    }
                }
            }
        } catch (RuntimeException e) {
            LOG.warnf("node %s can't be judged now: %s", node.id(), e);
        }
    }

    private void giveUp(FleetNode node, String why) {
        if (nodes.markLost(node)) {
            LOG.warnf("node %s is lost: it sends no heartbeats and %s", node.id(), why);
        }
    }
}
