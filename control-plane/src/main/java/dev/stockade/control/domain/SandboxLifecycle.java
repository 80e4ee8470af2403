package dev.stockade.control.domain;

import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every change that a sandbox can go through, with the events it gives.
 *
 * <p>What a node reports is applied as far as it is news: reports may come twice, late, or with steps
 * missing between them, and the events are the same as if each had come once.
 */
public final class SandboxLifecycle {
    /** Its state can be followed, but a hostile guest can't fill the audit trail: node events end here. */
    public static final long MAX_EVENTS = 10_000;

    private SandboxLifecycle() {}

    public static Change create(String id, String tenant, @Nullable String name, SandboxSpec spec, Instant now) {
        Sandbox sandbox = new Sandbox(
                id,
                tenant,
                name,
                spec,
                SandboxState.CREATING,
                DesiredState.RUNNING,
                1,
                null,
                false,
                0,
                0,
                now,
                null,
                null,
                null,
                null,
                null);
        return sandbox.emit(
                EventType.CREATED,
                now,
                null,
                null,
                null,
                null,
                Map.of("image", spec.image(), "imageId", spec.imageId()));
    }

    public static Change schedule(Sandbox sandbox, Assignment assignment, Instant now) {
        return sandbox.in(SandboxState.SCHEDULED).assigned(assignment).emit(EventType.SCHEDULED, now);
    }

    /** Applies a node's report; one of another incarnation, or that says nothing new, changes nothing. */
    public static Change observe(Sandbox sandbox, NodeReport report) {
        if (report.incarnation() != sandbox.incarnation() || sandbox.state().isOver()) {
            return Change.none(sandbox);
        }
        return switch (report.phase()) {
            case CREATED -> Change.none(sandbox.ready() ? sandbox : sandbox.madeReady());
            case RUNNING -> startedIfNew(sandbox, report.time());
            case STOPPED -> {
                // Without an exit status the main process never ran.
                Change started = report.exit() == null ? Change.none(sandbox) : startedIfNew(sandbox, report.time());
                yield started.then(
                        stopped(started.sandbox(), report.time(), report.exit(), report.reason(), report.message()));
            }
            case FAILED -> fail(sandbox, report.reason(), report.message(), report.time());
        };
    }

    private static Change startedIfNew(Sandbox sandbox, Instant at) {
        if (sandbox.startedAt() != null) {
            return Change.none(sandbox);
        }
        Sandbox running = sandbox.state() == SandboxState.SCHEDULED ? sandbox.in(SandboxState.RUNNING) : sandbox;
        return running.started(at).emit(EventType.STARTED, at);
    }

    /** Its owner wants it stopped; the node is told elsewhere. */
    public static Change requestStop(Sandbox sandbox, long graceMs) {
        Sandbox wanted = sandbox.desiring(DesiredState.STOPPED, graceMs);
        boolean alive = sandbox.state() == SandboxState.SCHEDULED || sandbox.state() == SandboxState.RUNNING;
        return Change.none(alive ? wanted.in(SandboxState.STOPPING) : wanted);
    }

    public static Change requestDelete(Sandbox sandbox) {
        return Change.none(sandbox.desiring(DesiredState.DELETED, sandbox.stopGraceMs()));
    }

    public static Change stopped(
            Sandbox sandbox, Instant at, @Nullable Exit exit, @Nullable String reason, @Nullable String message) {
        if (sandbox.state().isOver()) {
            return Change.none(sandbox);
        }
        return sandbox.in(SandboxState.STOPPED)
                .finished(at, exit, reason, message)
                .emit(EventType.STOPPED, at, reason, message, exit, null, Map.of());
    }

    public static Change fail(Sandbox sandbox, String reason, String message, Instant at) {
        if (sandbox.state().isOver()) {
            return Change.none(sandbox);
        }
        return sandbox.in(SandboxState.FAILED)
                .finished(at, null, reason, message)
                .emit(EventType.FAILED, at, reason, message, null, null, Map.of());
    }

    /** Nothing of it is left on its node. A sandbox that still ran ends first, with its own event. */
    public static Change deleted(Sandbox sandbox, Instant now) {
        if (sandbox.state() == SandboxState.DELETED) {
            return Change.none(sandbox);
        }
        Change over = stopped(sandbox, now, null, Reason.DELETED, "deleted while it ran");
        return over.then(over.sandbox().in(SandboxState.DELETED).emit(EventType.DELETED, now));
    }

    /** Something that is no change of state, such as an OOM kill. */
    public static Change note(
            Sandbox sandbox,
            EventType type,
            Instant at,
            @Nullable Exit exit,
            @Nullable String executionId,
            @Nullable String reason,
            Map<String, String> attributes) {
        if (sandbox.state() == SandboxState.DELETED) {
            return Change.none(sandbox);
        }
        if (type == EventType.UNIMPLEMENTED_SYSCALL && sandbox.eventSequence() >= MAX_EVENTS) {
            return Change.none(sandbox);
        }
        return sandbox.emit(type, at, reason, null, exit, executionId, attributes);
    }
}
