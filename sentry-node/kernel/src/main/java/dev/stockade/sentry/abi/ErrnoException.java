package dev.stockade.sentry.abi;

/**
 * An operation's failure with a Linux error number. Stackless, one instance per error
 * ({@link Errno#exception()}): throwing it costs no allocation.
 */
public final class ErrnoException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    ErrnoException(Errno errno) {
        super(errno.name(), null, false, false);
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }
}
