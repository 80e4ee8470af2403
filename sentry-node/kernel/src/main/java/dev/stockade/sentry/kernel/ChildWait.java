package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.waiter.WaitEntry;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Waiting for children (wait4(2), waitid(2); kernel/exit.c's do_wait). */
public final class ChildWait {
    public static final int WNOHANG = 1;
    public static final int WUNTRACED = 2;
    public static final int WEXITED = 4;
    public static final int WCONTINUED = 8;
    public static final int WNOWAIT = 0x01000000;
    public static final int WNOTHREAD = 0x20000000;
    public static final int WALL = 0x40000000;
    public static final int WCLONE = 0x80000000;

    /**
     * Which children.
     *
     * @param pid this one; 0 for any
     * @param pgid of this process group; 0 for any
     */
    public record Selector(int pid, int pgid) {
        public static final Selector ANY = new Selector(0, 0);
    }

    /**
     * What was found.
     *
     * @param status as wait4 gives it
     * @param code CLD_*
     * @param signalStatus si_status
     */
    public record Result(int pid, int uid, int status, int code, int signalStatus, CpuUsage usage, long maxResident) {}

    private ChildWait() {}

    /**
     * Waits.
     *
     * @param options W*; {@link #WUNTRACED} is WSTOPPED
     * @return null with WNOHANG when no child has changed its state
     * @throws ErrnoException ECHILD, ERESTARTSYS
     */
    public static @Nullable Result wait(Task t, Selector selector, int options) throws ErrnoException {
        WaitEntry entry = t.blocking.newEntry();
        ThreadGroup tg = t.tg;
        tg.childEvents.register(entry, 1);
        try {
            for (; ; ) {
                t.blocking.prepare();
                Result r = tryWait(t, selector, options);
                if (r != null) {
                    return r;
                }
                if ((options & WNOHANG) != 0) {
                    return null;
                }
                if (t.blocking.sleep() == TaskBlocking.Wake.INTERRUPTED) {
                    throw Errno.ERESTARTSYS.exception();
                }
            }
        } finally {
            tg.childEvents.unregister(entry);
        }
    }

    private static @Nullable Result tryWait(Task t, Selector selector, int options) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            boolean any = false;
            for (ThreadGroup child : List.copyOf(t.tg.children)) {
                if (!matches(t, child, selector, options)) {
                    continue;
                }
                any = true;
                Result r = collectLocked(t.tg, child, options);
                if (r != null) {
                    return r;
                }
            }
            if (!any) {
                throw Errno.ECHILD.exception();
            }
            return null;
        } finally {
            set.mu.unlock();
        }
    }

    private static boolean matches(Task t, ThreadGroup child, Selector s, int options) {
        PidNamespace ns = t.tg.pidns;
        if (s.pid != 0 && ns.pidOfLocked(child) != s.pid) {
            return false;
        }
        if (s.pgid != 0 && child.processGroup.id != s.pgid) {
            return false;
        }
        if ((options & WNOTHREAD) != 0 && child.leader.parentThread != t) {
            return false;
        }
        if ((options & WALL) != 0) {
            return true;
        }
        boolean clone = child.terminationSignal != Signal.SIGCHLD;
        return clone == ((options & WCLONE) != 0);
    }

    private static @Nullable Result collectLocked(ThreadGroup parent, ThreadGroup child, int options) {
        int pid = parent.pidns.pidOfLocked(child);
        int uid = child.leader.credentials().ruid();
        if (child.leader.exitState == TaskExitState.ZOMBIE && child.parentNotified) {
            if ((options & WEXITED) == 0) {
                return null;
            }
            WaitStatus status = child.exitStatus;
            Result r = new Result(
                    pid,
                    uid,
                    status.bits(),
                    status.signaled() ? Signal.CLD_KILLED : Signal.CLD_EXITED,
                    status.signaled() ? status.signal() : status.exitCode(),
                    child.exitedUsage.plus(child.childUsage),
                    Math.max(child.maxResident, child.childMaxResident));
            if ((options & WNOWAIT) == 0) {
                TaskExit.reapGroupLocked(child, parent);
            }
            return r;
        }
        RankedLock mu = child.signalHandlers.mu;
        mu.lock();
        try {
            if ((options & WUNTRACED) != 0 && child.groupStopWaitable) {
                int signal = child.groupStopSignal;
                if ((options & WNOWAIT) == 0) {
                    child.groupStopWaitable = false;
                }
                return new Result(
                        pid,
                        uid,
                        signal << 8 | 0x7f,
                        Signal.CLD_STOPPED,
                        signal,
                        child.usageLocked(),
                        child.maxResident);
            }
            if ((options & WCONTINUED) != 0 && child.groupContWaitable) {
                if ((options & WNOWAIT) == 0) {
                    child.groupContWaitable = false;
                }
                return new Result(
                        pid, uid, 0xffff, Signal.CLD_CONTINUED, Signal.SIGCONT, child.usageLocked(), child.maxResident);
            }
        } finally {
            mu.unlock();
        }
        return null;
    }

    /** Takes every child that is gone, for the kernel's own init. */
    static void reapAll(ThreadGroup parent) {
        TaskSet set = parent.kernel.tasks();
        set.mu.lock();
        try {
            for (ThreadGroup child : List.copyOf(parent.children)) {
                if (child.leader.exitState == TaskExitState.ZOMBIE && child.parentNotified) {
                    TaskExit.reapGroupLocked(child, parent);
                }
            }
        } finally {
            set.mu.unlock();
        }
    }
}
