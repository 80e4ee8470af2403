package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;
import java.util.Arrays;

/** The table of signal actions, shared by tasks made with CLONE_SIGHAND (Linux's struct sighand_struct). */
public final class SignalHandlers {
    /** The signal mutex of every task and thread group that uses these handlers. */
    final RankedLock mu = new RankedLock(RankedLock.Rank.SIGNAL_HANDLERS);

    /** Index is the signal number. Guarded by {@link #mu}. */
    private final SignalAction[] actions = new SignalAction[Signal.SIGNAL_MAX + 1];

    SignalHandlers() {
        Arrays.fill(actions, SignalAction.DEFAULT);
    }

    /** A copy for a new process (fork). */
    SignalHandlers fork() {
        SignalHandlers copy = new SignalHandlers();
        mu.lock();
        try {
            System.arraycopy(actions, 0, copy.actions, 0, actions.length);
        } finally {
            mu.unlock();
        }
        return copy;
    }

    /** A copy for execve(2) and CLONE_CLEAR_SIGHAND: handlers become default, ignored signals stay ignored. */
    SignalHandlers forExec() {
        SignalHandlers copy = new SignalHandlers();
        mu.lock();
        try {
            for (int i = 1; i < actions.length; i++) {
                if (actions[i].isIgnore()) {
                    copy.actions[i] = new SignalAction(Signal.SIG_IGN, 0, 0, 0);
                }
            }
        } finally {
            mu.unlock();
        }
        return copy;
    }

    SignalAction getLocked(int signal) {
        mu.assertHeld();
        return actions[signal];
    }

    void setLocked(int signal, SignalAction action) {
        mu.assertHeld();
        actions[signal] = action;
    }

    /** The set of signals that are ignored (or caught) by an explicit action, for /proc/pid/status. */
    public long set(boolean ignored) {
        mu.lock();
        try {
            long set = 0;
            for (int i = 1; i < actions.length; i++) {
                boolean matches = ignored ? actions[i].isIgnore() : !actions[i].isIgnore() && !actions[i].isDefault();
                if (matches) {
                    set |= Signal.bit(i);
                }
            }
            return set;
        } finally {
            mu.unlock();
        }
    }
}
