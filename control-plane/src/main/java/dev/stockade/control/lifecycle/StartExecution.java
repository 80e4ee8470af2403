package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Command;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.lifecycle.CreateRequest.CommandRequest;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;

/** Announces a further command of a running sandbox to its node; it starts once its stream is opened. */
@ApplicationScoped
public class StartExecution {
    private final SandboxStore sandboxes;
    private final SentryNodes sentries;
    private final Clock clock;

    StartExecution(SandboxStore sandboxes, SentryNodes sentries, Clock clock) {
        this.sandboxes = sandboxes;
        this.sentries = sentries;
        this.clock = clock;
    }

    public Execution start(Sandbox sandbox, CommandRequest request) {
        if (sandbox.state() != SandboxState.RUNNING) {
            throw new ConflictException("sandbox " + sandbox.id() + " is " + sandbox.state()
                    + ": a command can be started in a RUNNING one only");
        }
        Command command = CommandDefaults.of(sandbox.spec().main()).complete(request, null);
        Execution execution = Execution.announced(SandboxIds.execution(), sandbox.id(), command, clock.instant());
        sandboxes.announce(execution);
        sentries.announce(sandbox, execution);
        return execution;
    }
}
