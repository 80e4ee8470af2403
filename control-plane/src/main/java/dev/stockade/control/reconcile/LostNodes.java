package dev.stockade.control.reconcile;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.nodes.NodeProbe;
import dev.stockade.control.nodes.NodesConfig;
import dev.stockade.control.storage.NodeStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.jboss.logging.Logger;

/**
 * Gives up nodes that are silent and do not answer either. A heartbeat can be late because this machine is busy; a
 * process that is gone refuses the connection at once.
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
        List<Thread> probes = silent.stream()
                .map(node -> Thread.ofVirtual().name("probe-" + node.id()).start(() -> judge(node)))
                .toList();
        for (Thread thread : probes) {
            thread.join();
        }
    }

    private void judge(FleetNode node) {
        try {
            if (probe.answers(node, config.probeTimeout())) {
                LOG.warnf("node %s sends no heartbeats but answers", node.id());
                nodes.touch(node);
            } else if (nodes.markLost(node)) {
                LOG.warnf("node %s is lost", node.id());
            }
        } catch (RuntimeException e) {
            LOG.warnf("node %s can't be judged now: %s", node.id(), e);
        }
    }
}
