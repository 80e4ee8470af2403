package dev.stockade.control.storage;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A row of the outbox, {@code sandbox_event}. */
@Entity
@Table(name = "sandbox_event")
class EventEntity {
    @Id
    @GeneratedValue(strategy = GenerationType.IDENTITY)
    @Nullable
    Long id;

    @Column(name = "event_id", updatable = false)
    UUID eventId;

    @Column(name = "sandbox_id", updatable = false)
    String sandboxId;

    @Column(updatable = false)
    long sequence;

    @Column(updatable = false)
    String type;

    @Column(name = "occurred_at", updatable = false)
    Instant occurredAt;

    @Column(updatable = false)
    String data;

    @Column(name = "published_at")
    @Nullable
    Instant publishedAt;
}
