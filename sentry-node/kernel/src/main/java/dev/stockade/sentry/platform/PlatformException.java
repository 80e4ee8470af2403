package dev.stockade.sentry.platform;

/** The host refused something that the platform needs; the message says what and what to do about it. */
public final class PlatformException extends Exception {
    private static final long serialVersionUID = 1L;

    public PlatformException(String message) {
        super(message);
    }

    public PlatformException(String message, Throwable cause) {
        super(message, cause);
    }
}
