package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;

/**
 * What a process does on a signal (sigaction(2)).
 *
 * @param handler SIG_DFL, SIG_IGN or the address of a function
 * @param flags SA_*, zero-extended
 * @param restorer where the handler returns to
 * @param mask signals blocked meanwhile
 */
public record SignalAction(long handler, long flags, long restorer, long mask) {
    public static final SignalAction DEFAULT = new SignalAction(Signal.SIG_DFL, 0, 0, 0);

    public boolean has(int flag) {
        return (flags & (flag & 0xffffffffL)) != 0;
    }

    public boolean isDefault() {
        return handler == Signal.SIG_DFL;
    }

    public boolean isIgnore() {
        return handler == Signal.SIG_IGN;
    }
}
