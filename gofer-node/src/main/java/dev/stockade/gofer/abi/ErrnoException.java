package dev.stockade.gofer.abi;

/** A file operation's failure with a Linux error number. */
public final class ErrnoException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    public ErrnoException(Errno errno) {
        super(errno.name(), null, false, false);
        this.errno = errno;
    }

    public ErrnoException(Errno errno, String what) {
        super(errno.name() + ": " + what);
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }
}
