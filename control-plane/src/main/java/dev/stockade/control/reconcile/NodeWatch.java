package dev.stockade.control.reconcile;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.NodeReport;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.lifecycle.NodeReports;
import dev.stockade.control.nodes.NodeCallException;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.nodes.Wire;
import dev.stockade.control.storage.SandboxStore;
import dev.stockade.proto.sentry.v1.SandboxReport;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.time.Clock;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Follows the reports of one start of one sentry node, on a virtual thread of its own. Whenever it (re)connects it
 * compares what the node holds with what is written down, which repairs what was missed in between.
 */
final class NodeWatch implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(NodeWatch.class);
    private static final long FIRST_BACKOFF_MS = 100;
    private static final long MAX_BACKOFF_MS = 2000;

    private final FleetNode node;
    private final SentryNodes sentries;
    private final SandboxStore sandboxes;
    private final NodeReports reports;
    private final Clock clock;
    private final Context.CancellableContext context = Context.ROOT.withCancellation();
    private final Thread thread;

    NodeWatch(FleetNode node, SentryNodes sentries, SandboxStore sandboxes, NodeReports reports, Clock clock) {
        this.node = node;
        this.sentries = sentries;
        this.sandboxes = sandboxes;
        this.reports = reports;
        this.clock = clock;
        this.thread = Thread.ofVirtual().name("watch-" + node.id()).unstarted(context.wrap(this::run));
    }

    void start() {
        thread.start();
    }

    /** Whether this follows what the node is now. */
    boolean follows(FleetNode current) {
        return node.bootId().equals(current.bootId()) && node.address().equals(current.address());
    }

    @Override
    public void close() {
        context.cancel(null);
        thread.interrupt();
    }

    private void run() {
        long backoffMs = FIRST_BACKOFF_MS;
        while (!context.isCancelled()) {
            try {
                Iterator<SandboxReport> stream = sentries.watch(node.address());
                compare();
                while (stream.hasNext()) {
                    apply(stream.next());
                    backoffMs = FIRST_BACKOFF_MS;
                }
            } catch (StatusRuntimeException | NodeCallException e) {
                if (!context.isCancelled()) {
                    LOG.debugf("the reports of node %s broke off: %s", node.id(), e.getMessage());
                }
            } catch (RuntimeException e) {
                if (!context.isCancelled()) {
                    LOG.warnf(e, "a report of node %s could not be written down", node.id());
                }
            }
            try {
                Thread.sleep(backoffMs);
            } catch (InterruptedException e) {
                return;
            }
            backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
        }
    }

    /** What is written down is read first: whatever the node made after that is in its list. */
    private void compare() {
        List<Sandbox> expected = sandboxes.liveOn(node.id()).stream()
                .filter(sandbox -> sandbox.ready() && isHere(sandbox.assignment()))
                .toList();
        Set<String> held = new HashSet<>();
        for (SandboxReport report : sentries.list(node.address())) {
            held.add(report.getKey().getSandboxId());
            apply(report);
        }
        for (Sandbox sandbox : expected) {
            if (!held.contains(sandbox.id())) {
                LOG.warnf("node %s does not know sandbox %s any more", node.id(), sandbox.id());
                sandboxes.change(
                        sandbox.id(),
                        now -> SandboxLifecycle.fail(
                                now, Reason.UNKNOWN_ON_NODE, "its node does not know it any more", clock.instant()));
            }
        }
    }

    private boolean isHere(@Nullable Assignment place) {
        return place != null
                && place.nodeId().equals(node.id())
                && place.bootId().equals(node.bootId());
    }

    private void apply(SandboxReport report) {
        Optional<Sandbox> known = sandboxes.findById(report.getKey().getSandboxId());
        if (known.isPresent() && belongsHere(known.get(), report)) {
            reports.apply(report);
            return;
        }
        LOG.infof(
                "deleting sandbox %s on node %s, which should not be there",
                report.getKey().getSandboxId(), node.id());
        try {
            sentries.delete(
                    node.address(),
                    report.getKey().getSandboxId(),
                    report.getKey().getIncarnation());
        } catch (NodeCallException e) {
            // It is in the node's list again at the next connect.
            LOG.debugf("deleting it failed: %s", e.getMessage());
        }
    }

    /** Not if it was deleted, or failed here while the node still runs it. */
    private boolean belongsHere(Sandbox sandbox, SandboxReport report) {
        if (sandbox.state() == SandboxState.DELETED
                || sandbox.incarnation() != report.getKey().getIncarnation()
                || !isHere(sandbox.assignment())) {
            return false;
        }
        boolean runs = Wire.report(report, clock.instant())
                .map(NodeReport::phase)
                .filter(phase -> phase == NodeReport.Phase.CREATED || phase == NodeReport.Phase.RUNNING)
                .isPresent();
        return !(runs && sandbox.state() == SandboxState.FAILED);
    }
}
