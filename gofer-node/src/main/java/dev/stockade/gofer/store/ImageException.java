package dev.stockade.gofer.store;

/** An image that cannot be had, made or removed: the message says why and what to do, for the person who asked. */
public final class ImageException extends Exception {
    private static final long serialVersionUID = 1L;

    public ImageException(String message) {
        super(message);
    }

    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
