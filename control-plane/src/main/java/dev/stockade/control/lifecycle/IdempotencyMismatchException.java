package dev.stockade.control.lifecycle;

/** An idempotency key was used before for another request. */
public final class IdempotencyMismatchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    IdempotencyMismatchException(String key) {
        super("Idempotency-Key " + key + " was used before for a request with another content: use a new key");
    }
}
