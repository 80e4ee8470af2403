package dev.stockade.sentry.kvm;

import jnr.constants.platform.Errno;

/** A call of the host's C library failed. */
final class HostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int errno;

    HostException(String call, int errno) {
        super(call + ": " + describe(errno));
        this.errno = errno;
    }

    /** The same failure, thrown by another thread. */
    HostException(HostException cause) {
        super(cause.getMessage(), cause);
        this.errno = cause.errno;
    }

    int errno() {
        return errno;
    }

    static String describe(int errno) {
        Errno known = Errno.valueOf(errno);
        return known.name() + " (" + known.description() + ")";
    }
}
