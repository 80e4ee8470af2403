package dev.stockade.control.lifecycle;

/** The sandbox is not in a state for this. */
public final class ConflictException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ConflictException(String message) {
        super(message);
    }
}
