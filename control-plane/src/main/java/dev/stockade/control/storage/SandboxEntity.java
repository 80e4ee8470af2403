package dev.stockade.control.storage;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.DesiredState;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A row of {@code sandbox}. */
@Entity
@Table(name = "sandbox")
class SandboxEntity {
    @Id
    String id;

    @Column(updatable = false)
    String tenant;

    @Column(updatable = false)
    @Nullable
    String name;

    @Column(updatable = false)
    String image;

    /** JSON of {@link dev.stockade.control.domain.SandboxSpec}. */
    @Column(updatable = false)
    String spec;

    @Column(name = "memory_bytes", updatable = false)
    long memoryBytes;

    @Column(updatable = false)
    int cpus;

    @Enumerated(EnumType.STRING)
    @Column
    SandboxState state;

    @Enumerated(EnumType.STRING)
    @Column
    DesiredState desired;

    long incarnation;

    @Column(name = "node_id")
    @Nullable
    String nodeId;

    @Column(name = "node_boot_id")
    @Nullable
    String nodeBootId;

    @Column(name = "gofer_address")
    @Nullable
    String goferAddress;

    boolean ready;

    @Column(name = "event_sequence")
    long eventSequence;

    @Column(name = "stop_grace_ms")
    long stopGraceMs;

    @Column(name = "created_at", updatable = false)
    Instant createdAt;

    @Column(name = "started_at")
    @Nullable
    Instant startedAt;

    @Column(name = "finished_at")
    @Nullable
    Instant finishedAt;

    @Column(name = "exit_code")
    @Nullable
    Integer exitCode;

    @Column(name = "exit_signal")
    @Nullable
    Integer exitSignal;

    @Nullable
    String reason;

    @Nullable
    String message;

    @Column(name = "attention_at")
    @Nullable
    Instant attentionAt;

    static SandboxEntity of(Sandbox sandbox, Json json) {
        SandboxEntity row = new SandboxEntity();
        row.id = sandbox.id();
        row.tenant = sandbox.tenant();
        row.name = sandbox.name();
        row.image = sandbox.spec().image();
        row.spec = json.write(sandbox.spec());
        row.memoryBytes = sandbox.spec().memoryBytes();
        row.cpus = sandbox.spec().cpus();
        row.createdAt = sandbox.createdAt();
        row.write(sandbox);
        return row;
    }

    /** Takes over everything that may change. */
    void write(Sandbox sandbox) {
        state = sandbox.state();
        desired = sandbox.desired();
        incarnation = sandbox.incarnation();
        Assignment assignment = sandbox.assignment();
        nodeId = assignment == null ? null : assignment.nodeId();
        nodeBootId = assignment == null ? null : assignment.bootId();
        goferAddress = assignment == null ? null : assignment.goferAddress();
        ready = sandbox.ready();
        eventSequence = sandbox.eventSequence();
        stopGraceMs = sandbox.stopGraceMs();
        startedAt = sandbox.startedAt();
        finishedAt = sandbox.finishedAt();
        Exit exit = sandbox.exit();
        exitCode = exit == null ? null : exit.code();
        exitSignal = exit == null ? null : exit.signal();
        reason = sandbox.reason();
        message = sandbox.message();
    }

    Sandbox read(Json json) {
        Assignment assignment = nodeId == null || nodeBootId == null || goferAddress == null
                ? null
                : new Assignment(nodeId, nodeBootId, goferAddress);
        return new Sandbox(
                id,
                tenant,
                name,
                json.readSpec(spec),
                state,
                desired,
                incarnation,
                assignment,
                ready,
                eventSequence,
                stopGraceMs,
                createdAt,
                startedAt,
                finishedAt,
                Rows.exit(exitCode, exitSignal),
                reason,
                message);
    }
}
