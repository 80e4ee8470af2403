package dev.stockade.sentry.server.kernel;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.sentry.boot.Command;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.GuestSystem;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.SandboxStatistics;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import java.util.concurrent.CompletableFuture;

/** One sandbox. Thread-safe. */
final class KernelInstance implements SandboxInstance {
    private final SandboxKey key;
    private final SandboxSpec spec;
    private final GuestSystem guest;
    private final KernelTelemetry telemetry;

    KernelInstance(SandboxKey key, SandboxSpec spec, GuestSystem guest, KernelTelemetry telemetry) {
        this.key = key;
        this.spec = spec;
        this.guest = guest;
        this.telemetry = telemetry;
        telemetry.opened(guest);
    }

    @Override
    public GuestProcess startMain(CommandSpec command) throws LaunchRefusal {
        return telemetry.executing(key, command, () -> guest.startMain(command(command), spec.getInit()));
    }

    @Override
    public GuestProcess exec(CommandSpec command) throws LaunchRefusal {
        return telemetry.executing(key, command, () -> guest.exec(command(command)));
    }

    private static Command command(CommandSpec c) {
        return new Command(
                c.getArgsList(),
                c.getEnvList(),
                c.getWorkingDir(),
                c.getUser(),
                c.getTty(),
                c.getStdin(),
                c.getRows(),
                c.getColumns());
    }

    @Override
    public void kill() {
        guest.kill();
    }

    @Override
    public CompletableFuture<String> panic() {
        return guest.panic();
    }

    @Override
    public SandboxStatistics statistics() {
        return guest.statistics();
    }

    @Override
    public void close() {
        guest.close();
        telemetry.closed(guest);
    }
}
