package dev.stockade.control.storage;

import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.placement.NodeView;
import dev.stockade.control.placement.Placement;
import dev.stockade.control.placement.PlacementRequest;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import jakarta.transaction.Transactional;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Sandboxes, and the one way to change them: under the lock of their row, together with the events. */
@ApplicationScoped
public class SandboxStore {
    private final EntityManager entities;
    private final Json json;
    private final Outbox outbox;
    private final NodeStore nodes;
    private final ExecutionStore executions;
    private final Clock clock;

    SandboxStore(
            EntityManager entities, Json json, Outbox outbox, NodeStore nodes, ExecutionStore executions, Clock clock) {
        this.entities = entities;
        this.json = json;
        this.outbox = outbox;
        this.nodes = nodes;
        this.executions = executions;
        this.clock = clock;
    }

    /** What became of a new sandbox. */
    public sealed interface Inserted {
        record Done() implements Inserted {}

        /** The node has no room for it any more: place it anew. */
        record NoRoom() implements Inserted {}

        /** The same request was made before. */
        record Replayed(IdempotencyRecord first) implements Inserted {}
    }

    /**
     * Writes a new sandbox with its reservation and events, if its node still has room.
     *
     * @param attention when the reconciler takes over if the node was not told by then
     */
    @Transactional
    public Inserted insert(
            Change scheduled,
            Placement placement,
            PlacementRequest request,
            @Nullable IdempotencyRecord idempotency,
            Duration attention) {
        Sandbox sandbox = scheduled.sandbox();
        if (sandbox.assignment() == null) {
            throw new IllegalArgumentException("a sandbox is written once it is placed");
        }
        if (idempotency != null) {
            lock("key/" + idempotency.tenant() + "/" + idempotency.key());
            Optional<IdempotencyRecord> first = idempotent(idempotency.tenant(), idempotency.key());
            if (first.isPresent()) {
                return new Inserted.Replayed(first.get());
            }
        }
        Optional<NodeView> node = nodes.lock(sandbox.assignment().nodeId());
        if (node.isEmpty()
                || !node.get().bootId().equals(sandbox.assignment().bootId())
                || placement.objection(node.get(), request).isPresent()) {
            return new Inserted.NoRoom();
        }
        String name = sandbox.name();
        if (name != null) {
            lock("name/" + sandbox.tenant() + "/" + name);
            if (find(sandbox.tenant(), name).isPresent()) {
                throw new NameTakenException(name);
            }
        }
        SandboxEntity row = SandboxEntity.of(sandbox, json);
        row.attentionAt = clock.instant().plus(attention);
        entities.persist(row);
        outbox.append(scheduled.events());
        if (idempotency != null) {
            IdempotencyEntity first = new IdempotencyEntity();
            first.id = new IdempotencyEntity.Key(idempotency.tenant(), idempotency.key());
            first.requestHash = idempotency.requestHash();
            first.sandboxId = idempotency.sandboxId();
            first.createdAt = clock.instant();
            entities.persist(first);
        }
        return new Inserted.Done();
    }

    /** Makes the second of two transactions that want the same thing at once wait for the first. */
    private void lock(String what) {
        entities.createNativeQuery("select 1 from pg_advisory_xact_lock(hashtextextended(:what, 0))")
                .setParameter("what", what)
                .getSingleResult();
    }

    /** The first use of an idempotency key. */
    @Transactional
    public Optional<IdempotencyRecord> idempotent(String tenant, String key) {
        return Optional.ofNullable(entities.find(IdempotencyEntity.class, new IdempotencyEntity.Key(tenant, key)))
                .map(row -> new IdempotencyRecord(tenant, key, row.requestHash, row.sandboxId));
    }

    /** A sandbox of a tenant by id or name, unless deleted. */
    @Transactional
    public Optional<Sandbox> find(String tenant, String idOrName) {
        return entities.createQuery(
                        "from SandboxEntity where tenant = :tenant and (id = :key or name = :key) and state <> :deleted",
                        SandboxEntity.class)
                .setParameter("tenant", tenant)
                .setParameter("key", idOrName)
                .setParameter("deleted", SandboxState.DELETED)
                .getResultStream()
                .findFirst()
                .map(row -> row.read(json));
    }

    @Transactional
    public Optional<Sandbox> findById(String id) {
        return Optional.ofNullable(entities.find(SandboxEntity.class, id)).map(row -> row.read(json));
    }

    /** Sandboxes of a tenant, newest first, after the given one. */
    @Transactional
    public List<Sandbox> list(String tenant, Collection<SandboxState> states, int limit, @Nullable String after) {
        String page = after == null
                ? ""
                : " and exists (from SandboxEntity a where a.id = :after and (s.createdAt < a.createdAt"
                        + " or (s.createdAt = a.createdAt and s.id > a.id)))";
        var query = entities.createQuery(
                        "from SandboxEntity s where s.tenant = :tenant and s.state in :states" + page
                                + " order by s.createdAt desc, s.id",
                        SandboxEntity.class)
                .setParameter("tenant", tenant)
                .setParameter("states", states);
        if (after != null) {
            query.setParameter("after", after);
        }
        return query.setMaxResults(limit)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    /** Applies a change under the row's lock; empty if there is no such sandbox. */
    @Transactional
    public Optional<Sandbox> change(String id, Function<Sandbox, Change> change) {
        return change(id, change, null);
    }

    /**
     * Applies a change under the row's lock.
     *
     * @param attention after which the reconciler takes over, if something is left to do then; null leaves that as
     *     it is
     */
    @Transactional
    public Optional<Sandbox> change(String id, Function<Sandbox, Change> change, @Nullable Duration attention) {
        SandboxEntity row = entities.find(SandboxEntity.class, id, LockModeType.PESSIMISTIC_WRITE);
        if (row == null) {
            return Optional.empty();
        }
        Sandbox before = row.read(json);
        Change applied = change.apply(before);
        SandboxState after = applied.sandbox().state();
        if (after != before.state() && (after == SandboxState.FAILED || after == SandboxState.DELETED)) {
            // Nobody will report on its executions any more: they end first.
            String reason = applied.sandbox().reason();
            Change closed = executions.closeAll(before, reason == null ? "deleted" : reason, clock.instant());
            if (!closed.events().isEmpty()) {
                applied = closed.then(change.apply(closed.sandbox()));
            }
        }
        write(row, applied, attention);
        return Optional.of(applied.sandbox());
    }

    private void write(SandboxEntity row, Change change, @Nullable Duration attention) {
        row.write(change.sandbox());
        if (change.sandbox().isSettled()) {
            row.attentionAt = null;
        } else if (attention != null) {
            row.attentionAt = clock.instant().plus(attention);
        }
        outbox.append(change.events());
    }

    /** Writes that an execution started or ended, with its event, once. */
    @Transactional
    public void changeExecution(String sandboxId, String executionId, ExecutionStore.Step step) {
        SandboxEntity row = entities.find(SandboxEntity.class, sandboxId, LockModeType.PESSIMISTIC_WRITE);
        if (row != null) {
            write(row, executions.apply(row.read(json), executionId, step), null);
        }
    }

    @Transactional
    public void announce(Execution execution) {
        executions.insert(execution);
    }

    @Transactional
    public Optional<Execution> execution(String sandboxId, String executionId) {
        return executions.find(sandboxId, executionId);
    }

    /** Sandboxes whose operation was cut short: what it began is to be resumed now. */
    @Transactional
    public List<Sandbox> needingAttention(int limit) {
        return entities.createQuery(
                        "from SandboxEntity where attentionAt < :now order by attentionAt", SandboxEntity.class)
                .setParameter("now", clock.instant())
                .setMaxResults(limit)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    /** Says when the reconciler shall look again, if something is left to do. */
    @Transactional
    public void attend(String id, Duration in) {
        entities.createQuery("update SandboxEntity set attentionAt = :at where id = :id and attentionAt is not null")
                .setParameter("at", clock.instant().plus(in))
                .setParameter("id", id)
                .executeUpdate();
    }

    /** Live sandboxes whose node is not there any more, or was restarted. */
    @Transactional
    public List<Sandbox> orphans() {
        return entities.createQuery("""
                        from SandboxEntity s where s.state in :live and not exists (
                            from NodeEntity n where n.id = s.nodeId and n.bootId = s.nodeBootId and n.state = :ready)
                        """, SandboxEntity.class)
                .setParameter("live", LIVE)
                .setParameter("ready", FleetNode.State.READY)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    /** Live sandboxes that a node holds. */
    @Transactional
    public List<Sandbox> liveOn(String nodeId) {
        return entities.createQuery("from SandboxEntity where nodeId = :node and state in :live", SandboxEntity.class)
                .setParameter("node", nodeId)
                .setParameter("live", LIVE)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    /** How many sandboxes are in each state. */
    @Transactional
    public Map<SandboxState, Long> countByState() {
        return entities.createQuery("select state, count(*) from SandboxEntity group by state", Object[].class)
                .getResultStream()
                .collect(Collectors.toMap(row -> (SandboxState) row[0], row -> (Long) row[1]));
    }

    /** Forgets sandboxes that were deleted before the given time and whose events are all published. */
    @Transactional
    public int prune(Instant before) {
        entities.createNativeQuery("delete from idempotency_key where created_at < :before")
                .setParameter("before", before.minus(Duration.ofHours(24)))
                .executeUpdate();
        return entities.createNativeQuery("""
                        delete from sandbox s where s.state = 'DELETED' and s.finished_at < :before and not exists (
                            select 1 from sandbox_event e where e.sandbox_id = s.id and e.published_at is null)
                        """).setParameter("before", before).executeUpdate();
    }

    private static final List<SandboxState> LIVE =
            List.of(SandboxState.SCHEDULED, SandboxState.RUNNING, SandboxState.STOPPING);
}
