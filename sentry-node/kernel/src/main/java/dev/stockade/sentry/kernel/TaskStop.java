package dev.stockade.sentry.kernel;

/** A condition that the kernel itself made, in which a task does not run (a ptrace stop will be one). */
public enum TaskStop {
    /** A job-control stop of the whole thread group. */
    GROUP_STOP(true),
    /** Waiting for a vfork child to exec or exit. */
    VFORK(true),
    /** An execve waits for the other threads of its group to be gone. */
    EXEC(false),
    /** The init of a PID namespace waits for all other processes in it to be gone. */
    INIT_EXIT(false);

    private final boolean killable;

    TaskStop(boolean killable) {
        this.killable = killable;
    }

    /** Whether SIGKILL ends it. */
    public boolean killable() {
        return killable;
    }
}
