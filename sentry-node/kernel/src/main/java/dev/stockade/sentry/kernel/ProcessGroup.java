package dev.stockade.sentry.kernel;

import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A process group (setpgid(2)): what job control stops, continues and signals together. */
public final class ProcessGroup {
    final int id;
    final Session session;

    /** Zombies included. Guarded by TaskSet.mu. */
    final Set<ThreadGroup> members = new LinkedHashSet<>();

    ProcessGroup(int id, Session session) {
        this.id = id;
        this.session = session;
    }

    /** Its id in its session's namespace. */
    public int id() {
        return id;
    }

    public Session session() {
        return session;
    }

    /**
     * Whether no member has a parent that is in another group of the same session, so that nobody is left who could
     * continue a stopped member (POSIX's orphaned process group; will_become_orphaned_pgrp in kernel/exit.c).
     *
     * @param leaving a member that counts as gone
     */
    boolean isOrphanedLocked(@Nullable ThreadGroup leaving) {
        for (ThreadGroup tg : members) {
            ThreadGroup parent = tg.parent;
            if (tg == leaving || tg.exitedLocked() || parent == null) {
                continue;
            }
            ProcessGroup parentGroup = parent.processGroup;
            if (parentGroup != this && parentGroup.session == session) {
                return false;
            }
        }
        return true;
    }

    boolean hasStoppedMemberLocked() {
        for (ThreadGroup tg : members) {
            if (tg.isStoppedLocked()) {
                return true;
            }
        }
        return false;
    }
}
