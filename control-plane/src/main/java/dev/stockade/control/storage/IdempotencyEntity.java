package dev.stockade.control.storage;

import jakarta.persistence.Column;
import jakarta.persistence.Embeddable;
import jakarta.persistence.EmbeddedId;
import jakarta.persistence.Entity;
import jakarta.persistence.Table;
import java.time.Instant;

/** A row of {@code idempotency_key}: the sandbox that a request made. */
@Entity
@Table(name = "idempotency_key")
class IdempotencyEntity {
    @Embeddable
    record Key(String tenant, String key) {}

    @EmbeddedId
    Key id;

    @Column(name = "request_hash")
    String requestHash;

    @Column(name = "sandbox_id")
    String sandboxId;

    @Column(name = "created_at")
    Instant createdAt;
}
