package dev.stockade.control.storage;

import java.time.Instant;
import java.util.UUID;

/**
 * An event that waits to be published.
 *
 * @param data its JSON
 */
public record EventRow(
        long id, UUID eventId, String sandboxId, long sequence, String type, Instant occurredAt, String data) {}
