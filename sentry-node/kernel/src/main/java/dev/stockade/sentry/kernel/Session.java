package dev.stockade.sentry.kernel;

import org.jspecify.annotations.Nullable;

/** A session (setsid(2), credentials(7)): process groups with at most one controlling terminal. */
public final class Session {
    final PidNamespace pidns;
    final int id;

    /** The group that made it; null once that is gone. Guarded by TaskSet.mu. */
    @Nullable
    ThreadGroup leader;

    /** Guarded by TaskSet.mu; 0 when the session can be forgotten. */
    int processGroups;

    /** What ioctl(TIOCSCTTY) set; opaque here. Guarded by TaskSet.mu. */
    @Nullable
    Object controllingTerminal;

    /** The group that may read from the terminal. Guarded by TaskSet.mu. */
    @Nullable
    ProcessGroup foreground;

    Session(PidNamespace pidns, int id, @Nullable ThreadGroup leader) {
        this.pidns = pidns;
        this.id = id;
        this.leader = leader;
    }

    /** Its id in the namespace that it was made in. */
    public int id() {
        return id;
    }
}
