package dev.stockade.sentry.boot;

/** A sandbox could not be put together; the message says what went wrong. */
public final class BootException extends Exception {
    private static final long serialVersionUID = 1L;

    public BootException(String message, Throwable cause) {
        super(message, cause);
    }
}
