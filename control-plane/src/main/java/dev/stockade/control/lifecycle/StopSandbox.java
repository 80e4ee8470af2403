package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.NodeReport;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.nodes.NodeCallException;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;

/** Stops a sandbox: SIGTERM, and SIGKILL once the grace period is over. */
@ApplicationScoped
public class StopSandbox {
    /** For the node to kill everything after the grace period. */
    private static final Duration AFTER_GRACE = Duration.ofSeconds(10);

    private static final Duration RETRY_AFTER = Duration.ofMillis(500);

    private final SandboxStore sandboxes;
    private final SentryNodes sentries;
    private final NodeReports reports;
    private final Clock clock;

    StopSandbox(SandboxStore sandboxes, SentryNodes sentries, NodeReports reports, Clock clock) {
        this.sandboxes = sandboxes;
        this.sentries = sentries;
        this.reports = reports;
        this.clock = clock;
    }

    /** Returns the sandbox as it is once it stopped; still stopping if its node can't be reached now. */
    public Sandbox stop(Sandbox sandbox, Duration grace) {
        Optional<Sandbox> stopping = sandboxes.change(
                sandbox.id(),
                now -> SandboxLifecycle.requestStop(now, grace.toMillis()),
                grace.plus(AFTER_GRACE).plusSeconds(1));
        if (stopping.isEmpty() || stopping.get().state().isOver()) {
            return stopping.orElse(sandbox);
        }
        return tellNode(stopping.get());
    }

    /** Tells the node to stop the sandbox; the reconciler does the same where that was cut short. */
    public Sandbox tellNode(Sandbox sandbox) {
        try {
            Optional<NodeReport> report = sentries.stop(
                    sandbox, Duration.ofMillis(sandbox.stopGraceMs()).plus(AFTER_GRACE));
            return report.flatMap(reports::apply).orElse(sandbox);
        } catch (NodeCallException e) {
            return switch (e.kind()) {
                case UNREACHABLE -> {
                    sandboxes.attend(sandbox.id(), RETRY_AFTER);
                    yield sandboxes.findById(sandbox.id()).orElse(sandbox);
                }
                case NOT_FOUND -> gone(sandbox);
                case REFUSED -> throw e;
            };
        }
    }

    /** The node never heard of it, or has forgotten it. */
    private Sandbox gone(Sandbox sandbox) {
        return sandboxes
                .change(
                        sandbox.id(),
                        now -> now.startedAt() == null
                                ? SandboxLifecycle.stopped(
                                        now, clock.instant(), null, Reason.STOPPED, "stopped before it started")
                                : SandboxLifecycle.fail(
                                        now,
                                        Reason.UNKNOWN_ON_NODE,
                                        "its node does not know it any more",
                                        clock.instant()))
                .orElse(sandbox);
    }
}
