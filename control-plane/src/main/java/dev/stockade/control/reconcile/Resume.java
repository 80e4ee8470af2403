package dev.stockade.control.reconcile;

import dev.stockade.control.domain.DesiredState;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.lifecycle.CreateSandbox;
import dev.stockade.control.lifecycle.DeleteSandbox;
import dev.stockade.control.lifecycle.SandboxConfig;
import dev.stockade.control.lifecycle.StopSandbox;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import org.jboss.logging.Logger;

/** Goes on with an operation that was cut short, by what is written down: the commands to nodes are idempotent. */
@ApplicationScoped
public class Resume {
    private static final Logger LOG = Logger.getLogger(Resume.class);

    private final SandboxStore sandboxes;
    private final CreateSandbox create;
    private final StopSandbox stop;
    private final DeleteSandbox delete;
    private final SandboxConfig config;
    private final Clock clock;

    Resume(
            SandboxStore sandboxes,
            CreateSandbox create,
            StopSandbox stop,
            DeleteSandbox delete,
            SandboxConfig config,
            Clock clock) {
        this.sandboxes = sandboxes;
        this.create = create;
        this.stop = stop;
        this.delete = delete;
        this.config = config;
        this.clock = clock;
    }

    /** Until this attempt is over nobody else shall begin another one. */
    void claim(Sandbox sandbox) {
        sandboxes.attend(
                sandbox.id(),
                config.createTimeout()
                        .plus(Duration.ofMillis(sandbox.stopGraceMs()))
                        .plusSeconds(15));
    }

    void resume(Sandbox sandbox) {
        LOG.debugf("resuming sandbox %s: %s, wanted %s", sandbox.id(), sandbox.state(), sandbox.desired());
        DesiredState wanted = sandbox.desired();
        switch (wanted) {
            case RUNNING -> {
                Duration age = Duration.between(sandbox.createdAt(), clock.instant());
                if (age.compareTo(config.scheduleTimeout()) > 0) {
                    sandboxes.change(
                            sandbox.id(),
                            now -> SandboxLifecycle.fail(
                                    now,
                                    Reason.CREATE_TIMEOUT,
                                    "its node did not make it within "
                                            + config.scheduleTimeout().toSeconds() + " s",
                                    clock.instant()));
                } else {
                    create.tellNodeOnce(sandbox);
                }
            }
            case STOPPED -> stop.tellNode(sandbox);
            case DELETED -> delete.tellNode(sandbox);
        }
    }
}
