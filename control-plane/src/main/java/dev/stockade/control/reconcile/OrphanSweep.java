package dev.stockade.control.reconcile;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.nodes.NodeWentAway;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.util.Optional;
import org.jboss.logging.Logger;

/**
 * Fails the sandboxes whose node is gone: lost, shut down, or restarted. Any replica may do this at any time; each
 * sandbox fails once.
 */
@ApplicationScoped
public class OrphanSweep {
    private static final Logger LOG = Logger.getLogger(OrphanSweep.class);

    private final SandboxStore sandboxes;
    private final NodeStore nodes;
    private final Clock clock;

    OrphanSweep(SandboxStore sandboxes, NodeStore nodes, Clock clock) {
        this.sandboxes = sandboxes;
        this.nodes = nodes;
        this.clock = clock;
    }

    void wentAway(@Observes NodeWentAway event) {
        for (Sandbox sandbox : sandboxes.orphans()) {
            Assignment place = sandbox.assignment();
            if (place != null && place.nodeId().equals(event.nodeId())) {
                fail(sandbox, event.reason(), event.message());
            }
        }
    }

    void sweep() {
        for (Sandbox sandbox : sandboxes.orphans()) {
            Assignment place = sandbox.assignment();
            Optional<FleetNode> node = place == null ? Optional.empty() : nodes.find(place.nodeId());
            String nodeId = place == null ? "none" : place.nodeId();
            if (node.isEmpty() || place == null) {
                fail(sandbox, Reason.NODE_LOST, "node " + nodeId + " is not known any more");
            } else if (!node.get().bootId().equals(place.bootId())) {
                fail(sandbox, Reason.NODE_LOST, "node " + nodeId + " was restarted");
            } else if (node.get().state() == FleetNode.State.GONE) {
                fail(sandbox, Reason.NODE_SHUTDOWN, "node " + nodeId + " was shut down");
            } else if (node.get().state() == FleetNode.State.LOST) {
                fail(sandbox, Reason.NODE_LOST, "node " + nodeId + " was not heard of in time");
            }
        }
    }

    private void fail(Sandbox sandbox, String reason, String message) {
        LOG.warnf("sandbox %s failed: %s", sandbox.id(), message);
        Assignment place = sandbox.assignment();
        sandboxes.change(
                sandbox.id(),
                now -> place != null && place.equals(now.assignment())
                        ? SandboxLifecycle.fail(now, reason, message, clock.instant())
                        : Change.none(now));
    }
}
