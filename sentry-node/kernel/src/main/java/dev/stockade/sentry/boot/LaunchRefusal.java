package dev.stockade.sentry.boot;

/** A command could not be run. */
public final class LaunchRefusal extends Exception {
    private static final long serialVersionUID = 1L;

    private static final int ENOENT = 2;

    private final int errno;

    /** @param errno of execve(2) or of what had to be done before it, or 0 if no system call refused */
    public LaunchRefusal(int errno, String message) {
        super(message);
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }

    /** The status that a shell would give: 127 not found, 126 not executable, 125 for refusals of the sandbox itself. */
    public int exitCode() {
        return errno == 0 ? 125 : errno == ENOENT ? 127 : 126;
    }
}
