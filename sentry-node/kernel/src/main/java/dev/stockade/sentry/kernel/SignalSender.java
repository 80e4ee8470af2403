package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;

/** Sending signals (kernel/signal.c: prepare_signal, send_signal_locked, complete_signal). */
public final class SignalSender {
    private SignalSender() {}

    /**
     * Sends to one task (tgkill(2)).
     *
     * @throws ErrnoException ESRCH if it is gone, EAGAIN if the queue is full
     */
    public static void sendToTask(Task t, SigInfo info) throws ErrnoException {
        send(t, info, false, false);
    }

    /**
     * Sends to a process (kill(2)).
     *
     * @throws ErrnoException ESRCH if it is gone, EAGAIN if the queue is full
     */
    public static void sendToGroup(ThreadGroup tg, SigInfo info) throws ErrnoException {
        send(tg.leader, info, true, false);
    }

    /** Sends from the kernel itself or from outside the namespace: an init is not protected from SIGKILL then. */
    static void sendForced(ThreadGroup tg, SigInfo info) throws ErrnoException {
        send(tg.leader, info, true, true);
    }

    private static void send(Task t, SigInfo info, boolean group, boolean outside) throws ErrnoException {
        RankedLock tasks = t.kernel.tasks().mu;
        tasks.lock();
        try {
            sendLocked(t, info, group, outside);
        } finally {
            tasks.unlock();
        }
    }

    /** Sends to every member of a process group; from the kernel. */
    static void sendToProcessGroupLocked(ProcessGroup pg, SigInfo info) {
        for (ThreadGroup tg : pg.members) {
            try {
                sendLocked(tg.leader, info, true, false);
            } catch (ErrnoException e) {
                // A member that is gone, or a full queue: as in Linux nobody is told.
            }
        }
    }

    /** With TaskSet.mu held. */
    static void sendLocked(Task t, SigInfo info, boolean group, boolean outside) throws ErrnoException {
        t.kernel.tasks().mu.assertHeld();
        RankedLock mu = t.tg.signalHandlers.mu;
        mu.lock();
        try {
            sendSignalLocked(t, info, group, outside);
        } finally {
            mu.unlock();
        }
    }

    /** With TaskSet.mu and the signal mutex held. */
    static void sendSignalLocked(Task t, SigInfo info, boolean group, boolean outside) throws ErrnoException {
        ThreadGroup tg = t.tg;
        int signal = info.signal();
        if (group ? tg.exitedLocked() : t.exitState == TaskExitState.DEAD || t.exitState == TaskExitState.ZOMBIE) {
            if (t.exitState == TaskExitState.DEAD) {
                throw Errno.ESRCH.exception();
            }
            return; // a zombie takes any signal and does nothing
        }
        if (signal == Signal.SIGCONT) {
            discardLocked(tg, Signal.STOP_SIGNALS);
            GroupStop.endLocked(tg, true);
        } else if (Signal.contains(Signal.STOP_SIGNALS, signal)) {
            discardLocked(tg, Signal.bit(Signal.SIGCONT));
        }
        if (isIgnoredLocked(t, signal, outside)) {
            return;
        }
        if (signal == Signal.SIGKILL) {
            killGroupLocked(tg, WaitStatus.killed(Signal.SIGKILL));
            return;
        }
        queueLocked(t, info, group);
        wakeReceiverLocked(t, signal, group);
    }

    /** Adds to the right queue without choosing who takes it. */
    static void queueLocked(Task t, SigInfo info, boolean group) throws ErrnoException {
        PendingSignals q = group ? t.tg.pending : t.signals.pending;
        int signal = info.signal();
        long limit = t.tg.limits.soft(dev.stockade.sentry.abi.Resource.RLIMIT_SIGPENDING);
        boolean mustCarry = info.code() != Signal.SI_USER;
        if (!q.enqueue(info, t.userCounters, limit, mustCarry && Signal.isRealTime(signal))) {
            throw Errno.EAGAIN.exception();
        }
    }

    private static void wakeReceiverLocked(Task t, int signal, boolean group) {
        if (canReceiveLocked(t, signal)) {
            deliverToLocked(t);
            return;
        }
        if (group) {
            for (Task other : t.tg.tasks) {
                if (other != t && canReceiveLocked(other, signal)) {
                    deliverToLocked(other);
                    return;
                }
            }
        }
        // Everyone blocks it: sigtimedwait opens its mask, so this is for signalfd alone.
        for (Task other : t.tg.tasks) {
            other.signals.arrivals().notifyWaiters(POLLIN);
        }
    }

    private static void deliverToLocked(Task t) {
        t.interrupt();
        t.signals.arrivals().notifyWaiters(POLLIN);
    }

    private static final int POLLIN = 1;

    /** Whether {@code t} would take a signal for its group now (wants_signal in kernel/signal.c). */
    private static boolean canReceiveLocked(Task t, int signal) {
        if (t.exitState != TaskExitState.ALIVE || Signal.contains(t.signals.mask(), signal)) {
            return false;
        }
        return signal == Signal.SIGKILL || t.stop == null;
    }

    /** Signals for the group that {@code leaving} will not take: someone else should. */
    static void retargetLocked(ThreadGroup tg, long signals, Task leaving) {
        for (Task t : tg.tasks) {
            if (t != leaving && t.exitState == TaskExitState.ALIVE && (signals & ~t.signals.mask()) != 0) {
                t.interrupt();
            }
        }
    }

    private static boolean isIgnoredLocked(Task t, int signal, boolean outside) {
        if (t.signals.blocksLocked(signal)) {
            return false; // whoever unblocks it decides then
        }
        SignalAction action = t.tg.signalHandlers.getLocked(signal);
        if (t.tg.unkillable && action.isDefault() && !(outside && Signal.contains(Signal.UNBLOCKABLE, signal))) {
            return true;
        }
        return action.isIgnore() || (action.isDefault() && Signal.contains(Signal.DEFAULT_IGNORED, signal));
    }

    static void discardLocked(ThreadGroup tg, long signals) {
        tg.pending.discard(signals);
        for (Task t : tg.tasks) {
            t.signals.pending.discard(signals);
        }
    }

    /** Ends the group with this status: every task gets SIGKILL. With the signal mutex held. */
    static void killGroupLocked(ThreadGroup tg, WaitStatus status) {
        if (!tg.exiting) {
            tg.exiting = true;
            tg.exitStatus = status;
        }
        GroupStop.endLocked(tg, false);
        for (Task t : tg.tasks) {
            killLocked(t);
        }
    }

    /** Makes one task exit. With the signal mutex held. */
    static void killLocked(Task t) {
        boolean alive = t.exitState == TaskExitState.ALIVE;
        if (alive) {
            t.signals.pending.enqueue(SigInfo.kernel(Signal.SIGKILL), t.userCounters, 0, false);
        }
        TaskStop stop = t.stop;
        if (stop != null && stop.killable()) {
            GroupStop.endInternalStopLocked(t);
        }
        if (alive) {
            t.interruptForExit();
        } else {
            t.interrupt();
        }
    }

    /** Sets what a signal does; one that becomes ignored is dropped where it is pending (sigaction(2)). */
    public static SignalAction setAction(Task t, int signal, SignalAction next) {
        SignalHandlers handlers = t.tg.signalHandlers;
        boolean ignores = next.isIgnore() || (next.isDefault() && Signal.contains(Signal.DEFAULT_IGNORED, signal));
        RankedLock tasks = t.kernel.tasks().mu;
        if (ignores) {
            tasks.lock(); // the group's list of tasks is walked
        }
        try {
            handlers.mu.lock();
            try {
                SignalAction old = handlers.getLocked(signal);
                handlers.setLocked(signal, next);
                if (ignores) {
                    discardLocked(t.tg, Signal.bit(signal));
                }
                return old;
            } finally {
                handlers.mu.unlock();
            }
        } finally {
            if (ignores) {
                tasks.unlock();
            }
        }
    }

    /** What a signal does now. */
    public static SignalAction action(Task t, int signal) {
        SignalHandlers handlers = t.tg.signalHandlers;
        handlers.mu.lock();
        try {
            return handlers.getLocked(signal);
        } finally {
            handlers.mu.unlock();
        }
    }
}
