package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.waiter.WaitQueue;
import org.jspecify.annotations.Nullable;

/**
 * One task's signals: its mask, what is pending for it alone, and its alternate stack. Sending is in
 * {@link SignalSender}, job control in {@link GroupStop}, delivery in {@link RunInterrupt}.
 */
public final class TaskSignals {
    /** An alternate signal stack (sigaltstack(2)). */
    public record AltStack(long address, int flags, long size) {
        static final AltStack NONE = new AltStack(0, Signal.SS_DISABLE, 0);

        boolean contains(long sp) {
            return sp - address > 0 && Long.compareUnsigned(sp - address, size) <= 0;
        }

        boolean enabled() {
            return size != 0 && (flags & Signal.SS_DISABLE) == 0;
        }
    }

    private final Task task;

    /** Guarded by the signal mutex. */
    final PendingSignals pending = new PendingSignals();

    /** Told when a signal arrives (signalfd, sigtimedwait). */
    private final WaitQueue arrivals = new WaitQueue();

    /** Blocked signals. Owned by the task thread; written under the signal mutex. */
    private volatile long mask;

    /** While sigtimedwait has opened the mask: what it was. Guarded by the signal mutex. */
    private long realMask;

    // ---- Exclusive to the task thread

    /** The mask to go back to after one handler ran or before guest code goes on (sigsuspend(2)). */
    private boolean haveSavedMask;

    private long savedMask;
    private AltStack altStack = AltStack.NONE;

    /** What the last exception left, for the signal frame. */
    int lastTrap;

    long lastErrorCode;
    long lastFaultAddress;

    TaskSignals(Task task, long mask) {
        this.task = task;
        this.mask = mask;
    }

    SignalHandlers handlers() {
        return task.tg.signalHandlers;
    }

    // ---- Masks

    public long mask() {
        return mask;
    }

    /** Changes the mask; SIGKILL and SIGSTOP stay open. By the task thread. */
    public void setMask(long next) {
        RankedLock mu = handlers().mu;
        mu.lock();
        try {
            setMaskLocked(next);
        } finally {
            mu.unlock();
        }
    }

    private void setMaskLocked(long next) {
        long old = mask;
        mask = next & ~Signal.UNBLOCKABLE;
        // Signals that this task no longer takes may be waiting for another one of the group.
        long nowBlocked = mask & ~old & task.tg.pending.set();
        if (nowBlocked != 0) {
            SignalSender.retargetLocked(task.tg, nowBlocked, task);
        }
        if (((pending.set() | task.tg.pending.set()) & ~mask) != 0) {
            task.interruptSelf();
        }
    }

    /** Sets a mask until one handler has been called or guest code is about to go on (sigsuspend, ppoll, ...). */
    public void setTemporaryMask(long temporary) {
        if (!haveSavedMask) {
            haveSavedMask = true;
            savedMask = mask;
        }
        setMask(temporary);
    }

    /** Undoes {@link #setTemporaryMask} at once: for calls that were not interrupted. */
    public void restoreMask() {
        if (haveSavedMask) {
            haveSavedMask = false;
            setMask(savedMask);
        }
    }

    boolean haveSavedMask() {
        return haveSavedMask;
    }

    /** The mask that a signal frame keeps; forgets the saved one. */
    long takeMaskForFrame() {
        if (haveSavedMask) {
            haveSavedMask = false;
            return savedMask;
        }
        return mask;
    }

    // ---- Pending

    /** Signals for this task or its group that are blocked (sigpending(2)). */
    public long pendingBlocked() {
        RankedLock mu = handlers().mu;
        mu.lock();
        try {
            return (pending.set() | task.tg.pending.set()) & mask;
        } finally {
            mu.unlock();
        }
    }

    /** Signals that wait for this task alone, for /proc. */
    public long pendingSet() {
        task.kernel.tasks().mu.lock();
        try {
            RankedLock mu = handlers().mu;
            mu.lock();
            try {
                return pending.set();
            } finally {
                mu.unlock();
            }
        } finally {
            task.kernel.tasks().mu.unlock();
        }
    }

    /** Takes a pending signal of {@code set}, null if there is none (sigtimedwait, signalfd). By the task thread. */
    public @Nullable SigInfo dequeue(long set) {
        RankedLock mu = handlers().mu;
        mu.lock();
        try {
            return dequeueLocked(set & ~Signal.UNBLOCKABLE);
        } finally {
            mu.unlock();
        }
    }

    @Nullable
    SigInfo dequeueLocked(long allowed) {
        SigInfo info = pending.dequeue(allowed);
        if (info == null) {
            info = task.tg.pending.dequeue(allowed);
        }
        if (info != null && Signal.contains(Signal.STOP_SIGNALS, info.signal())) {
            task.tg.groupStopDequeued = true;
        }
        return info;
    }

    /** Whether SIGKILL is on its way. */
    boolean killedLocked() {
        return pending.isPending(Signal.SIGKILL);
    }

    /** Whether a fatal signal is being acted on: the task will not run guest code again. */
    public boolean isKilled() {
        RankedLock mu = handlers().mu;
        mu.lock();
        try {
            return killedLocked() || task.tg.exiting;
        } finally {
            mu.unlock();
        }
    }

    /** Where to wait for signals to arrive. */
    public WaitQueue arrivals() {
        return arrivals;
    }

    /**
     * Waits for a signal of {@code set} (sigtimedwait(2)).
     *
     * @param deadlineNs of the monotonic clock
     * @throws ErrnoException EAGAIN at the deadline, EINTR on another signal
     */
    public SigInfo sigtimedwait(long set, long deadlineNs) throws ErrnoException {
        long wanted = set & ~Signal.UNBLOCKABLE;
        RankedLock mu = handlers().mu;
        mu.lock();
        try {
            SigInfo info = dequeueLocked(wanted);
            if (info != null) {
                return info;
            }
            // The signals are unblocked meanwhile so that senders choose this task and do not drop ignored ones.
            realMask = mask;
            mask = mask & ~wanted;
        } finally {
            mu.unlock();
        }
        task.blocking.prepare();
        TaskBlocking.Wake wake = task.isInterrupted() ? TaskBlocking.Wake.INTERRUPTED : task.blocking.sleep(deadlineNs);
        mu.lock();
        try {
            SigInfo info = dequeueLocked(wanted);
            setMaskLocked(realMask);
            realMask = 0;
            if (info != null) {
                return info;
            }
        } finally {
            mu.unlock();
        }
        throw (wake == TaskBlocking.Wake.TIMED_OUT ? Errno.EAGAIN : Errno.EINTR).exception();
    }

    /** Whether a signal counts as blocked for a sender. */
    boolean blocksLocked(int signal) {
        return Signal.contains(mask | realMask, signal);
    }

    // ---- Alternate stack

    public AltStack altStack() {
        return altStack;
    }

    /** The stack as sigaltstack(2) reports it: SS_ONSTACK while the task runs on it. */
    public AltStack altStackNow() {
        if (onAltStack(task.registers().rsp)) {
            return new AltStack(altStack.address, altStack.flags | Signal.SS_ONSTACK, altStack.size);
        }
        return altStack;
    }

    boolean onAltStack(long sp) {
        return (altStack.flags & Signal.SS_AUTODISARM) == 0 && altStack.enabled() && altStack.contains(sp);
    }

    /**
     * sigaltstack(2).
     *
     * @throws ErrnoException EPERM while on it, EINVAL, ENOMEM if too small
     */
    public void setAltStack(long address, int flags, long size) throws ErrnoException {
        if (onAltStack(task.registers().rsp)) {
            throw Errno.EPERM.exception();
        }
        int mode = flags & ~Signal.SS_AUTODISARM;
        if (mode != 0 && mode != Signal.SS_ONSTACK && mode != Signal.SS_DISABLE) {
            throw Errno.EINVAL.exception();
        }
        if (mode == Signal.SS_DISABLE) {
            altStack = new AltStack(0, flags, 0);
            return;
        }
        if (Long.compareUnsigned(size, Signal.MINSIGSTKSZ) < 0) {
            throw Errno.ENOMEM.exception();
        }
        altStack = new AltStack(address, flags & ~Signal.SS_ONSTACK, size);
    }

    void resetAltStack() {
        altStack = AltStack.NONE;
    }

    void restoreAltStack(AltStack s) {
        altStack = s;
    }

    void inheritFrom(TaskSignals parent, boolean sharesMemory) {
        if (!sharesMemory) {
            altStack = parent.altStack;
        }
    }

    /** rt_sigreturn(2): back to where the signal came. */
    public RunState sigreturn() {
        return SignalFrame.restore(task);
    }

    // ---- Faults

    /** Raises a signal by the task's own instruction: it is not ignored and not blocked (force_sig(9)). */
    void force(SigInfo info) {
        task.kernel.tasks().mu.lock();
        try {
            RankedLock mu = handlers().mu;
            mu.lock();
            try {
                int signal = info.signal();
                SignalAction action = handlers().getLocked(signal);
                if (blocksLocked(signal) || action.isIgnore()) {
                    handlers().setLocked(signal, SignalAction.DEFAULT);
                    mask = mask & ~Signal.bit(signal);
                    action = SignalAction.DEFAULT;
                }
                if (action.isDefault()) {
                    // As in Linux, an init that faults without a handler dies.
                    task.tg.unkillable = false;
                }
                // Standard signals always find room.
                pending.enqueue(info, task.userCounters, 0, false);
                task.interruptSelf();
            } finally {
                mu.unlock();
            }
        } finally {
            task.kernel.tasks().mu.unlock();
        }
    }
}
