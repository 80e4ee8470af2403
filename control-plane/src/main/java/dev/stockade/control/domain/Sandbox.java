package dev.stockade.control.domain;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A sandbox as the control plane knows it. Immutable; {@link SandboxLifecycle} makes the changed ones.
 *
 * @param state observed
 * @param desired asked for
 * @param incarnation names this life of the sandbox to its node; a command for another one is refused
 * @param ready whether the node said that it is made
 * @param eventSequence sequence of its last event
 * @param stopGraceMs of the last request to stop
 */
public record Sandbox(
        String id,
        String tenant,
        @Nullable String name,
        SandboxSpec spec,
        SandboxState state,
        DesiredState desired,
        long incarnation,
        @Nullable Assignment assignment,
        boolean ready,
        long eventSequence,
        long stopGraceMs,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        @Nullable Exit exit,
        @Nullable String reason,
        @Nullable String message) {

    /** Whether what was asked for last is reached, as far as it can be: nothing is under way. */
    public boolean isSettled() {
        return switch (desired) {
            case RUNNING -> state == SandboxState.RUNNING || ready || state.isOver();
            case STOPPED -> state.isOver();
            case DELETED -> state == SandboxState.DELETED;
        };
    }

    Sandbox in(SandboxState next) {
        TransitionTable.check(id, state, next);
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                next,
                desired,
                incarnation,
                assignment,
                ready,
                eventSequence,
                stopGraceMs,
                createdAt,
                startedAt,
                finishedAt,
                exit,
                reason,
                message);
    }

    Sandbox desiring(DesiredState wanted, long graceMs) {
        DesiredState next = wanted.compareTo(desired) > 0 ? wanted : desired;
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                next,
                incarnation,
                assignment,
                ready,
                eventSequence,
                graceMs,
                createdAt,
                startedAt,
                finishedAt,
                exit,
                reason,
                message);
    }

    Sandbox assigned(Assignment place) {
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                desired,
                incarnation,
                place,
                false,
                eventSequence,
                stopGraceMs,
                createdAt,
                startedAt,
                finishedAt,
                exit,
                reason,
                message);
    }

    Sandbox madeReady() {
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                desired,
                incarnation,
                assignment,
                true,
                eventSequence,
                stopGraceMs,
                createdAt,
                startedAt,
                finishedAt,
                exit,
                reason,
                message);
    }

    Sandbox started(Instant at) {
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                desired,
                incarnation,
                assignment,
                true,
                eventSequence,
                stopGraceMs,
                createdAt,
                at,
                finishedAt,
                exit,
                reason,
                message);
    }

    Sandbox finished(Instant at, @Nullable Exit how, @Nullable String why, @Nullable String text) {
        return new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                desired,
                incarnation,
                assignment,
                ready,
                eventSequence,
                stopGraceMs,
                createdAt,
                startedAt,
                at,
                how,
                why,
                text);
    }

    /** Appends an event with the next sequence number, about the present state of this sandbox. */
    Change emit(
            EventType type,
            Instant time,
            @Nullable String why,
            @Nullable String text,
            @Nullable Exit how,
            @Nullable String executionId,
            Map<String, String> attributes) {
        long sequence = eventSequence + 1;
        SandboxEvent event = new SandboxEvent(
                type,
                id,
                tenant,
                incarnation,
                sequence,
                time,
                assignment == null ? null : assignment.nodeId(),
                why,
                text,
                how,
                executionId,
                attributes);
        Sandbox counted = new Sandbox(
                id,
                tenant,
                name,
                spec,
                state,
                desired,
                incarnation,
                assignment,
                ready,
                sequence,
                stopGraceMs,
                createdAt,
                startedAt,
                finishedAt,
                exit,
                reason,
                message);
        return new Change(counted, List.of(event));
    }

    Change emit(EventType type, Instant time) {
        return emit(type, time, null, null, null, null, Map.of());
    }
}
