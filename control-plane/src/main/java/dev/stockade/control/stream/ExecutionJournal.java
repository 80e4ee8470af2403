package dev.stockade.control.stream;

import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.storage.ExecutionStore;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes down what a stream says of its execution. The node reports the same; but a report may be lost while the
 * connection for reports is down, and each step is written once.
 */
@ApplicationScoped
class ExecutionJournal {
    private static final Logger LOG = Logger.getLogger(ExecutionJournal.class);

    private final SandboxStore sandboxes;
    private final Clock clock;

    ExecutionJournal(SandboxStore sandboxes, Clock clock) {
        this.sandboxes = sandboxes;
        this.clock = clock;
    }

    void started(Sandbox sandbox, String executionId) {
        Instant now = clock.instant();
        write(sandbox, executionId, new ExecutionStore.Step.Started(now, Map.of()));
    }

    void exited(Sandbox sandbox, String executionId, Exit exit, @Nullable String reason) {
        Instant now = clock.instant();
        write(sandbox, executionId, new ExecutionStore.Step.Exited(now, exit, reason, Map.of()));
    }

    private void write(Sandbox sandbox, String executionId, ExecutionStore.Step step) {
        if (executionId.equals(Execution.MAIN)) {
            return;
        }
        // Not on the event loop. In whatever order two of these run, the events come in order.
        Thread.ofVirtual().name("journal-" + executionId).start(() -> {
            try {
                sandboxes.changeExecution(sandbox.id(), executionId, step);
            } catch (RuntimeException e) {
                LOG.warnf("what execution %s did could not be written down: %s", executionId, e.getMessage());
            }
        });
    }
}
