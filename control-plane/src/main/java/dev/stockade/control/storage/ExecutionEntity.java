package dev.stockade.control.storage;

import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** A row of {@code execution}. */
@Entity
@Table(name = "execution")
class ExecutionEntity {
    @Id
    String id;

    @Column(name = "sandbox_id", updatable = false)
    String sandboxId;

    @Column(updatable = false)
    String command;

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

    static ExecutionEntity of(Execution execution, Json json) {
        ExecutionEntity row = new ExecutionEntity();
        row.id = execution.id();
        row.sandboxId = execution.sandboxId();
        row.command = json.write(execution.command());
        row.createdAt = execution.createdAt();
        row.write(execution);
        return row;
    }

    void write(Execution execution) {
        startedAt = execution.startedAt();
        finishedAt = execution.finishedAt();
        Exit exit = execution.exit();
        exitCode = exit == null ? null : exit.code();
        exitSignal = exit == null ? null : exit.signal();
        reason = execution.reason();
    }

    Execution read(Json json) {
        return new Execution(
                id,
                sandboxId,
                json.readCommand(command),
                createdAt,
                startedAt,
                finishedAt,
                Rows.exit(exitCode, exitSignal),
                reason);
    }
}
