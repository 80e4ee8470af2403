package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import org.jspecify.annotations.Nullable;

/** Stops: job control's (a whole group at a stop signal), and the kernel's own ones. */
final class GroupStop {
    private GroupStop() {}

    // ---- Internal stops, with the signal mutex held

    static void beginInternalStopLocked(Task t, TaskStop stop) {
        if (t.stop != null) {
            throw new IllegalStateException(t + " is already in " + t.stop);
        }
        if (stop.killable() && t.signals.killedLocked()) {
            return;
        }
        t.stop = stop;
        t.stopCount.incrementAndGet();
    }

    static void endInternalStopLocked(Task t) {
        if (t.stop == null) {
            return;
        }
        t.stop = null;
        endOneStop(t);
    }

    // ---- External stops (pause), with the signal mutex held

    static void beginExternalStopLocked(Task t) {
        t.stopCount.incrementAndGet();
        t.interrupt();
    }

    static void endOneStop(Task t) {
        if (t.stopCount.decrementAndGet() < 0) {
            throw new IllegalStateException(t + " left a stop it was not in");
        }
        t.unpark();
    }

    // ---- Group stops

    /** {@code t} took a stop signal with the default action: all tasks of the group shall stop. */
    static void initiate(Task t, int signal) {
        ThreadGroup tg = t.tg;
        RankedLock tasks = t.kernel.tasks().mu;
        tasks.lock();
        try {
            if (signal != Signal.SIGSTOP && tg.processGroup.isOrphanedLocked(null)) {
                // POSIX: nobody could continue it.
                return;
            }
            RankedLock mu = tg.signalHandlers.mu;
            mu.lock();
            try {
                if (!tg.groupStopDequeued || tg.exiting || tg.execing != null) {
                    return; // SIGCONT or SIGKILL came since
                }
                if (!tg.groupStopComplete) {
                    tg.groupStopSignal = signal;
                }
                int count = 0;
                for (Task other : tg.tasks) {
                    if (other.exitState != TaskExitState.ALIVE || other.signals.killedLocked()) {
                        other.groupStopPending = false;
                        continue;
                    }
                    if (other.stop != TaskStop.GROUP_STOP) {
                        other.groupStopPending = true;
                        count++;
                        other.interrupt();
                    }
                }
                tg.groupStopPendingCount = count;
            } finally {
                mu.unlock();
            }
        } finally {
            tasks.unlock();
        }
    }

    /** {@code t} stops or exits; true if it was the last one, so that the parent has to be told. */
    static boolean participateLocked(Task t) {
        ThreadGroup tg = t.tg;
        t.groupStopPending = false;
        tg.groupStopPendingCount--;
        if (tg.groupStopPendingCount > 0 || tg.groupStopComplete) {
            return false;
        }
        tg.groupStopComplete = true;
        tg.groupStopWaitable = true;
        tg.groupContNotify = false;
        tg.groupContWaitable = false;
        return true;
    }

    /** Ends a group stop, because of SIGCONT or because the group is killed. With the signal mutex held. */
    static void endLocked(ThreadGroup tg, boolean continued) {
        tg.groupStopDequeued = false;
        if (tg.groupStopPendingCount == 0 && !tg.groupStopComplete) {
            return;
        }
        if (continued) {
            tg.groupContNotify = true;
            tg.groupContInterrupted = !tg.groupStopComplete;
            tg.groupContWaitable = true;
        }
        tg.groupStopSignal = 0;
        tg.groupStopPendingCount = 0;
        tg.groupStopComplete = false;
        tg.groupStopWaitable = false;
        for (Task t : tg.tasks) {
            t.groupStopPending = false;
            if (t.stop == TaskStop.GROUP_STOP) {
                endInternalStopLocked(t);
                t.interrupt();
            }
        }
        if (continued) {
            // Someone has to tell the parent, also if nobody had stopped yet.
            for (Task t : tg.tasks) {
                if (t.exitState == TaskExitState.ALIVE) {
                    t.interrupt();
                    break;
                }
            }
        }
    }

    /** Tells the parent that the group stopped or continued. With no lock held. */
    static void notifyParent(Task t, int code, int status) {
        ThreadGroup tg = t.tg;
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            @Nullable ThreadGroup parent = tg.parent;
            if (parent == null || parent.exitedLocked()) {
                return;
            }
            CpuUsage usage = tg.usageLocked();
            SigInfo info = SigInfo.child(
                    Signal.SIGCHLD,
                    code,
                    parent.pidns.pidOfLocked(tg),
                    tg.leader.credentials().ruid(),
                    status,
                    CpuUsage.ticks(usage.userNs()),
                    CpuUsage.ticks(usage.systemNs()));
            SignalHandlers handlers = parent.signalHandlers;
            handlers.mu.lock();
            try {
                SignalAction action = handlers.getLocked(Signal.SIGCHLD);
                if (!action.isIgnore() && !action.has(Signal.SA_NOCLDSTOP)) {
                    SignalSender.sendSignalLocked(parent.leader, info, true, false);
                }
            } catch (ErrnoException e) {
                if (e.errno() != Errno.ESRCH) {
                    throw new IllegalStateException("SIGCHLD can always be queued", e);
                }
            } finally {
                handlers.mu.unlock();
            }
            parent.childEvents.notifyWaiters(1);
        } finally {
            set.mu.unlock();
        }
    }
}
