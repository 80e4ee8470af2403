package dev.stockade.sentry.oneshot;

/** The command line makes no sense; the message says what. */
final class UsageException extends Exception {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }
}
