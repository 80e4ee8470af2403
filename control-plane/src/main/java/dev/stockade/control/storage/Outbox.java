package dev.stockade.control.storage;

import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.SandboxEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Event;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Clock;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Events wait here until the broker has them. The row of a sandbox is locked while its events are
 * appended, so that for one sandbox the order of ids, of sequence numbers and of commits is the same.
 */
@ApplicationScoped
public class Outbox {
    private final EntityManager entities;
    private final Json json;
    private final Event<OutboxGrew> grew;
    private final Clock clock;

    Outbox(EntityManager entities, Json json, Event<OutboxGrew> grew, Clock clock) {
        this.entities = entities;
        this.json = json;
        this.grew = grew;
        this.clock = clock;
    }

    @Transactional(Transactional.TxType.MANDATORY)
    void append(Collection<SandboxEvent> events) {
        if (events.isEmpty()) {
            return;
        }
        for (SandboxEvent event : events) {
            EventEntity row = new EventEntity();
            row.eventId = UUID.randomUUID();
            row.sandboxId = event.sandboxId();
            row.sequence = event.sequence();
            row.type = event.type().wireName();
            row.occurredAt = event.time();
            row.data = json.write(data(event));
            entities.persist(row);
        }
        grew.fire(new OutboxGrew());
    }

    private static Map<String, Object> data(SandboxEvent event) {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("tenant", event.tenant());
        data.put("sandboxId", event.sandboxId());
        data.put("incarnation", event.incarnation());
        data.put("sequence", event.sequence());
        data.put("time", event.time().toString());
        putIfKnown(data, "node", event.node());
        putIfKnown(data, "reason", event.reason());
        putIfKnown(data, "message", event.message());
        Exit exit = event.exit();
        if (exit != null) {
            data.put("exitCode", exit.code());
            data.put("signal", exit.signal());
        }
        putIfKnown(data, "executionId", event.executionId());
        event.attributes().forEach(data::putIfAbsent);
        return data;
    }

    private static void putIfKnown(Map<String, Object> data, String key, @Nullable String value) {
        if (value != null && !value.isEmpty()) {
            data.put(key, value);
        }
    }

    /** The oldest events that wait, in order. */
    @Transactional
    public List<EventRow> pending(int limit) {
        return entities.createQuery("from EventEntity where publishedAt is null order by id", EventEntity.class)
                .setMaxResults(limit)
                .getResultStream()
                .map(row -> new EventRow(
                        row.id == null ? 0 : row.id,
                        row.eventId,
                        row.sandboxId,
                        row.sequence,
                        row.type,
                        row.occurredAt,
                        row.data))
                .toList();
    }

    @Transactional
    public void published(Collection<Long> ids) {
        if (ids.isEmpty()) {
            return;
        }
        entities.createQuery("update EventEntity set publishedAt = :now where id in :ids")
                .setParameter("now", clock.instant())
                .setParameter("ids", ids)
                .executeUpdate();
    }

    /** How many events wait, and since when the oldest does. */
    public record Backlog(long pending, @Nullable Instant oldest) {}

    @Transactional
    public Backlog backlog() {
        Object[] row = (Object[])
                entities.createQuery("select count(*), min(occurredAt) from EventEntity where publishedAt is null")
                        .getSingleResult();
        return new Backlog((Long) row[0], (Instant) row[1]);
    }

    /** Forgets events that were published before the given time. */
    @Transactional
    public int prune(Instant before) {
        return entities.createQuery("delete from EventEntity where publishedAt < :before")
                .setParameter("before", before)
                .executeUpdate();
    }
}
