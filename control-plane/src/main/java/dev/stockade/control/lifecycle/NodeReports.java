package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.EventType;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.NodeReport;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.nodes.Wire;
import dev.stockade.control.storage.ExecutionStore;
import dev.stockade.control.storage.SandboxStore;
import dev.stockade.proto.sentry.v1.NodeEvent;
import dev.stockade.proto.sentry.v1.SandboxReport;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Writes down what nodes say of sandboxes, as far as it is news. */
@ApplicationScoped
public class NodeReports {
    private static final Logger LOG = Logger.getLogger(NodeReports.class);

    private final SandboxStore sandboxes;
    private final Clock clock;

    NodeReports(SandboxStore sandboxes, Clock clock) {
        this.sandboxes = sandboxes;
        this.clock = clock;
    }

    /** The answer to a command. */
    public Optional<Sandbox> apply(NodeReport report) {
        return sandboxes.change(report.sandboxId(), sandbox -> SandboxLifecycle.observe(sandbox, report));
    }

    /** A report with its events; events of the time before an end are written before the end. */
    public void apply(SandboxReport report) {
        Instant now = clock.instant();
        Optional<NodeReport> phase = Wire.report(report, now);
        boolean over = phase.isPresent()
                && (phase.get().phase() == NodeReport.Phase.STOPPED
                        || phase.get().phase() == NodeReport.Phase.FAILED);
        if (!over) {
            phase.ifPresent(this::apply);
        }
        for (NodeEvent event : report.getEventsList()) {
            apply(report.getKey().getSandboxId(), report.getKey().getIncarnation(), event, now);
        }
        if (over) {
            phase.ifPresent(this::apply);
        }
    }

    private void apply(String sandboxId, long incarnation, NodeEvent event, Instant now) {
        Instant at = Wire.time(event.getTimeNs(), now);
        Exit exit = event.hasExit() ? Wire.exit(event.getExit()) : null;
        Map<String, String> attributes = event.getAttributesMap();
        switch (event.getType()) {
            case "exec-started" ->
                execution(sandboxId, event.getExecutionId(), new ExecutionStore.Step.Started(at, attributes));
            case "exec-exited" ->
                execution(
                        sandboxId, event.getExecutionId(), new ExecutionStore.Step.Exited(at, exit, null, attributes));
            case "oom-kill" -> note(sandboxId, incarnation, EventType.OOM_KILL, at, exit, event);
            case "unimplemented-syscall" ->
                note(sandboxId, incarnation, EventType.UNIMPLEMENTED_SYSCALL, at, exit, event);
            default -> LOG.debugf("a node reports an event of an unknown type, %s", event.getType());
        }
    }

    /** The sandbox's own command has no events of its own: that it runs and ends is told by started and stopped. */
    private void execution(String sandboxId, String executionId, ExecutionStore.Step step) {
        if (!executionId.equals(Execution.MAIN)) {
            sandboxes.changeExecution(sandboxId, executionId, step);
        }
    }

    private void note(
            String sandboxId, long incarnation, EventType type, Instant at, @Nullable Exit exit, NodeEvent event) {
        String executionId = event.getExecutionId().isEmpty() ? null : event.getExecutionId();
        sandboxes.change(
                sandboxId,
                sandbox -> sandbox.incarnation() == incarnation
                        ? SandboxLifecycle.note(sandbox, type, at, exit, executionId, null, event.getAttributesMap())
                        : Change.none(sandbox));
    }
}
