package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.platform.Registers;
import org.jspecify.annotations.Nullable;

/** Something wants the task: a kill, a stop, a signal. Entered again until nothing is left (get_signal in Linux). */
final class RunInterrupt implements RunState {
    static final RunInterrupt INSTANCE = new RunInterrupt();

    private RunInterrupt() {}

    /** restart_syscall(2). */
    private static final int RESTART_SYSCALL = 219;

    /** Length of the SYSCALL instruction. */
    private static final int SYSCALL_LENGTH = 2;

    @Override
    public RunState execute(Task t) {
        ThreadGroup tg = t.tg;
        RankedLock mu = tg.signalHandlers.mu;
        SigInfo info;
        SignalAction action;
        mu.lock();
        try {
            t.clearInterrupted();
            if (t.signals.killedLocked() || tg.exiting) {
                t.exitStatus = tg.exiting ? tg.exitStatus : WaitStatus.killed(Signal.SIGKILL);
                return RunExit.INSTANCE;
            }
            if (tg.groupContNotify) {
                tg.groupContNotify = false;
                boolean interrupted = tg.groupContInterrupted;
                mu.unlock();
                try {
                    GroupStop.notifyParent(
                            t,
                            interrupted ? Signal.CLD_STOPPED : Signal.CLD_CONTINUED,
                            interrupted ? Signal.SIGSTOP : Signal.SIGCONT);
                } finally {
                    mu.lock();
                }
                return this;
            }
            if (t.groupStopPending) {
                int signal = tg.groupStopSignal;
                boolean notify = GroupStop.participateLocked(t);
                GroupStop.beginInternalStopLocked(t, TaskStop.GROUP_STOP);
                if (notify) {
                    mu.unlock();
                    try {
                        GroupStop.notifyParent(t, Signal.CLD_STOPPED, signal);
                    } finally {
                        mu.lock();
                    }
                }
                return this;
            }
            info = t.signals.dequeueLocked(~t.signals.mask());
            if (info == null) {
                action = SignalAction.DEFAULT;
            } else {
                action = tg.signalHandlers.getLocked(info.signal());
                if (!action.isDefault() && !action.isIgnore() && action.has(Signal.SA_RESETHAND)) {
                    tg.signalHandlers.setLocked(
                            info.signal(),
                            new SignalAction(Signal.SIG_DFL, action.flags(), action.restorer(), action.mask()));
                }
            }
        } finally {
            mu.unlock();
        }
        return info == null ? noneLeft(t) : deliver(t, info, action);
    }

    private RunState noneLeft(Task t) {
        if (t.inSyscallReturn && t.restartCode != 0) {
            int code = t.restartCode;
            t.restartCode = 0;
            Registers r = t.registers();
            r.rax = code == Errno.ERESTART_RESTARTBLOCK.number() ? RESTART_SYSCALL : t.syscallNumber;
            r.rip -= SYSCALL_LENGTH;
        }
        return RunApp.INSTANCE;
    }

    private RunState deliver(Task t, SigInfo info, SignalAction action) {
        int signal = info.signal();
        if (action.isIgnore()) {
            return this;
        }
        if (action.isDefault()) {
            if (Signal.contains(Signal.DEFAULT_IGNORED, signal)
                    || (t.tg.unkillable && !Signal.contains(Signal.UNBLOCKABLE, signal))) {
                return this;
            }
            if (Signal.contains(Signal.STOP_SIGNALS, signal)) {
                GroupStop.initiate(t, signal);
                return this;
            }
            TaskExit.prepareGroupExit(t, WaitStatus.killed(signal));
            return RunExit.INSTANCE;
        }
        finishInterruptedSyscall(t, action);
        if (!SignalFrame.push(t, info, action)) {
            // Linux's signal_setup_done: a frame that does not fit is SIGSEGV, fatal if that was the signal.
            if (signal == Signal.SIGSEGV) {
                RankedLock mu = t.tg.signalHandlers.mu;
                mu.lock();
                try {
                    t.tg.signalHandlers.setLocked(signal, SignalAction.DEFAULT);
                } finally {
                    mu.unlock();
                }
            }
            t.signals.force(SigInfo.kernel(Signal.SIGSEGV));
        }
        return this;
    }

    /** A handler will run: the call that it interrupted fails with EINTR or is made again afterwards. */
    private static void finishInterruptedSyscall(Task t, SignalAction action) {
        if (!t.inSyscallReturn || t.restartCode == 0) {
            return;
        }
        @Nullable Errno code = Errno.of(t.restartCode);
        t.restartCode = 0;
        boolean restart = code == Errno.ERESTARTNOINTR || (code == Errno.ERESTARTSYS && action.has(Signal.SA_RESTART));
        Registers r = t.registers();
        if (restart) {
            r.rax = t.syscallNumber;
            r.rip -= SYSCALL_LENGTH;
        } else {
            r.rax = -Errno.EINTR.number();
        }
        t.inSyscallReturn = false;
    }
}
