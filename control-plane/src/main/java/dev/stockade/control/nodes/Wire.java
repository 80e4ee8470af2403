package dev.stockade.control.nodes;

import dev.stockade.control.domain.Command;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.NodeReport;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxSpec;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxReport;
import java.time.Instant;
import java.util.Optional;

/** Between wire types and the domain's. */
public final class Wire {
    private Wire() {}

    public static SandboxKey key(Sandbox sandbox) {
        return key(sandbox.id(), sandbox.incarnation());
    }

    static SandboxKey key(String sandboxId, long incarnation) {
        return SandboxKey.newBuilder()
                .setSandboxId(sandboxId)
                .setIncarnation(incarnation)
                .build();
    }

    static dev.stockade.proto.sentry.v1.SandboxSpec spec(Sandbox sandbox, String goferAddress) {
        SandboxSpec spec = sandbox.spec();
        return dev.stockade.proto.sentry.v1.SandboxSpec.newBuilder()
                .setImageId(spec.imageId())
                .setImageName(spec.image())
                .setGoferAddress(goferAddress)
                .setMain(command(spec.main()))
                .setHostname(spec.hostname())
                .setMemoryBytes(spec.memoryBytes())
                .setCpus(spec.cpus())
                .setMaxTasks(spec.maxTasks())
                .setStartOnAttach(spec.startOnAttach())
                .setInit(spec.init())
                .setTimeoutMs(spec.timeoutMs())
                .setTenant(sandbox.tenant())
                .build();
    }

    static CommandSpec command(Command command) {
        return CommandSpec.newBuilder()
                .addAllArgs(command.args())
                .addAllEnv(command.env())
                .setWorkingDir(command.workingDir())
                .setUser(command.user())
                .setTty(command.tty())
                .setStdin(command.stdin())
                .setRows(command.rows())
                .setColumns(command.columns())
                .build();
    }

    /** Empty for a phase that this version does not know. */
    public static Optional<NodeReport> report(SandboxReport report, Instant received) {
        NodeReport.Phase phase = switch (report.getPhase()) {
            case SANDBOX_PHASE_CREATED -> NodeReport.Phase.CREATED;
            case SANDBOX_PHASE_RUNNING -> NodeReport.Phase.RUNNING;
            case SANDBOX_PHASE_STOPPED -> NodeReport.Phase.STOPPED;
            case SANDBOX_PHASE_FAILED -> NodeReport.Phase.FAILED;
            case SANDBOX_PHASE_UNSPECIFIED, UNRECOGNIZED -> null;
        };
        if (phase == null) {
            return Optional.empty();
        }
        return Optional.of(new NodeReport(
                report.getKey().getSandboxId(),
                report.getKey().getIncarnation(),
                phase,
                report.hasExit() ? exit(report.getExit()) : null,
                report.getReason(),
                report.getMessage(),
                time(report.getTimeNs(), received)));
    }

    public static Exit exit(ExitStatus status) {
        return new Exit(status.getCode(), status.getSignal());
    }

    /** A node's time, or ours if it gave none. */
    public static Instant time(long timeNs, Instant received) {
        return timeNs <= 0 ? received : Instant.ofEpochSecond(0, timeNs);
    }
}
