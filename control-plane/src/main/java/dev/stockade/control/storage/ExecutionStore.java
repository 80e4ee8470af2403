package dev.stockade.control.storage;

import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.EventType;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Executions; every method runs in a transaction that has locked the row of their sandbox. */
@ApplicationScoped
@Transactional(Transactional.TxType.MANDATORY)
public class ExecutionStore {
    private final EntityManager entities;
    private final Json json;

    ExecutionStore(EntityManager entities, Json json) {
        this.entities = entities;
        this.json = json;
    }

    /** What an execution went through. The stream and the node's reports both tell; the first one counts. */
    public sealed interface Step {
        record Started(Instant at, Map<String, String> attributes) implements Step {}

        record Exited(
                Instant at, @Nullable Exit exit, @Nullable String reason, Map<String, String> attributes)
                implements Step {}
    }

    void insert(Execution execution) {
        entities.persist(ExecutionEntity.of(execution, json));
    }

    Optional<Execution> find(String sandboxId, String id) {
        return Optional.ofNullable(entities.find(ExecutionEntity.class, id))
                .filter(row -> row.sandboxId.equals(sandboxId))
                .map(row -> row.read(json));
    }

    Change apply(Sandbox sandbox, String executionId, Step step) {
        ExecutionEntity row = entities.find(ExecutionEntity.class, executionId);
        if (row == null || !row.sandboxId.equals(sandbox.id())) {
            return Change.none(sandbox);
        }
        return switch (step) {
            case Step.Started(var at, var attributes) -> started(sandbox, row, at, attributes);
            case Step.Exited(var at, var exit, var reason, var attributes) -> {
                if (row.finishedAt != null) {
                    yield Change.none(sandbox);
                }
                Change started = started(sandbox, row, at, Map.of());
                row.write(row.read(json).finished(at, exit, reason));
                yield started.then(SandboxLifecycle.note(
                        started.sandbox(), EventType.EXEC_EXITED, at, exit, executionId, reason, attributes));
            }
        };
    }

    private Change started(Sandbox sandbox, ExecutionEntity row, Instant at, Map<String, String> attributes) {
        if (row.startedAt != null) {
            return Change.none(sandbox);
        }
        row.write(row.read(json).started(at));
        return SandboxLifecycle.note(sandbox, EventType.EXEC_STARTED, at, null, row.id, null, attributes);
    }

    /** Ends every execution that still runs. */
    Change closeAll(Sandbox sandbox, String reason, Instant at) {
        List<ExecutionEntity> open = entities.createQuery(
                        "from ExecutionEntity where sandboxId = :sandbox and startedAt is not null"
                                + " and finishedAt is null order by createdAt, id",
                        ExecutionEntity.class)
                .setParameter("sandbox", sandbox.id())
                .getResultList();
        Change all = Change.none(sandbox);
        for (ExecutionEntity row : open) {
            row.write(row.read(json).finished(at, null, reason));
            all = all.then(
                    SandboxLifecycle.note(all.sandbox(), EventType.EXEC_EXITED, at, null, row.id, reason, Map.of()));
        }
        return all;
    }
}
