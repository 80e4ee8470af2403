package dev.stockade.control.storage;

/**
 * The first use of an idempotency key.
 *
 * @param requestHash of the request, so that a key reused for another request is noticed
 */
public record IdempotencyRecord(String tenant, String key, String requestHash, String sandboxId) {}
