package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.nodes.NodeCallException;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import org.jboss.logging.Logger;

/** Deletes a sandbox with everything its node keeps of it. */
@ApplicationScoped
public class DeleteSandbox {
    private static final Logger LOG = Logger.getLogger(DeleteSandbox.class);
    private static final Duration TAKE_OVER = Duration.ofSeconds(15);
    private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

    private final SandboxStore sandboxes;
    private final NodeStore nodes;
    private final SentryNodes sentries;
    private final Clock clock;

    DeleteSandbox(SandboxStore sandboxes, NodeStore nodes, SentryNodes sentries, Clock clock) {
        this.sandboxes = sandboxes;
        this.nodes = nodes;
        this.sentries = sentries;
        this.clock = clock;
    }

    /**
     * Deletes it; one that still runs only by force.
     *
     * @return still not deleted if its node could not be told; that is tried again
     */
    public Sandbox delete(Sandbox sandbox, boolean force) {
        Sandbox wanted = sandboxes
                .change(
                        sandbox.id(),
                        now -> {
                            if (!force && !now.state().isOver()) {
                                throw new ConflictException("sandbox " + now.id() + " is " + now.state()
                                        + ": stop it first, or delete it with force=true");
                            }
                            return SandboxLifecycle.requestDelete(now);
                        },
                        TAKE_OVER)
                .orElse(sandbox);
        return tellNode(wanted);
    }

    /** Has the node forget it; the reconciler does the same where that was cut short. */
    public Sandbox tellNode(Sandbox sandbox) {
        if (isHeldByNode(sandbox)) {
            try {
                sentries.delete(sandbox);
            } catch (NodeCallException e) {
                LOG.debugf("sandbox %s can't be deleted yet: %s", sandbox.id(), e.getMessage());
                sandboxes.attend(sandbox.id(), RETRY_AFTER);
                return sandboxes.findById(sandbox.id()).orElse(sandbox);
            }
        }
        return sandboxes
                .change(sandbox.id(), now -> SandboxLifecycle.deleted(now, clock.instant()))
                .orElse(sandbox);
    }

    private boolean isHeldByNode(Sandbox sandbox) {
        Assignment place = sandbox.assignment();
        return sandbox.state() != SandboxState.DELETED
                && place != null
                && nodes.find(place.nodeId())
                        .filter(node -> node.isReady() && node.bootId().equals(place.bootId()))
                        .isPresent();
    }
}
