package dev.stockade.sentry.server.runtime;

/** A sandbox could not be made; the message says what is wrong and what to do about it. */
public final class RuntimeRefusal extends Exception {
    private static final long serialVersionUID = 1L;

    /** Whose fault it is. */
    public enum Kind {
        /** The image does not exist at the gofer. */
        NOT_FOUND,
        /** The spec can't be met whatever the node. */
        INVALID,
        /** The gofer can't be reached now. */
        UNAVAILABLE,
        /** The host gives no more memory, files or virtual machines. */
        EXHAUSTED,
        /** A fault of this node. */
        INTERNAL
    }

    private final Kind kind;

    public RuntimeRefusal(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public RuntimeRefusal(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }
}
