package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.time.TimerQueue;
import org.jspecify.annotations.Nullable;

/** ITIMER_REAL of a thread group (setitimer(2), alarm(2)): SIGALRM when it expires. Thread-safe. */
public final class IntervalTimer {
    /** What is left until it expires and how long it runs then; 0 is disarmed, or once. */
    public record Setting(long valueNs, long intervalNs) {
        public static final Setting DISARMED = new Setting(0, 0);
    }

    /** An expiry takes the timers' thread some microseconds. */
    private static final long MIN_AHEAD_NS = 100_000;

    private final Kernel kernel;
    private final ThreadGroup tg;
    private final RankedLock mu = new RankedLock(RankedLock.Rank.TIMER);

    // ---- Guarded by mu

    private TimerQueue.@Nullable Entry entry;
    private long deadlineNs;
    private long intervalNs;
    private boolean destroyed;

    /** Tells an expiry of an older setting from one of this. */
    private long generation;

    IntervalTimer(Kernel kernel, ThreadGroup tg) {
        this.kernel = kernel;
        this.tg = tg;
    }

    public Setting get() {
        mu.lock();
        try {
            return getLocked();
        } finally {
            mu.unlock();
        }
    }

    private Setting getLocked() {
        if (entry == null) {
            return new Setting(0, 0);
        }
        return new Setting(Math.max(1, deadlineNs - kernel.clock().monotonicNs()), intervalNs);
    }

    /** Arms it, or disarms it with a value of 0; returns what was set before. */
    public Setting set(Setting next) {
        mu.lock();
        try {
            Setting old = getLocked();
            cancelLocked();
            if (next.valueNs > 0 && !destroyed) {
                long now = kernel.clock().monotonicNs();
                deadlineNs = next.valueNs > Long.MAX_VALUE - now ? Long.MAX_VALUE - 1 : now + next.valueNs;
                intervalNs = next.intervalNs;
                armLocked();
            }
            return old;
        } finally {
            mu.unlock();
        }
    }

    private void armLocked() {
        long mine = generation;
        entry = kernel.timers().schedule(deadlineNs, () -> expire(mine));
    }

    private void cancelLocked() {
        generation++;
        TimerQueue.Entry e = entry;
        if (e != null) {
            e.cancel();
            entry = null;
        }
    }

    private void expire(long armed) {
        mu.lock();
        try {
            if (armed != generation) {
                return;
            }
            entry = null;
            if (intervalNs > 0) {
                long now = kernel.clock().monotonicNs();
                deadlineNs = next(deadlineNs, intervalNs, now);
                armLocked();
            }
            try {
                SignalSender.sendForced(tg, SigInfo.kernel(Signal.SIGALRM));
            } catch (ErrnoException e) {
                // The group is gone; nobody to tell.
            }
        } finally {
            mu.unlock();
        }
    }

    /**
     * The next of the points a period apart that lies ahead, at least {@link #MIN_AHEAD_NS}: expiries that nobody could
     * have seen one by one are left out, so that a period of nothing does not keep the timers' thread running.
     */
    static long next(long deadlineNs, long intervalNs, long nowNs) {
        long earliest = nowNs + MIN_AHEAD_NS;
        if (deadlineNs >= earliest) {
            return deadlineNs;
        }
        long periods = (earliest - deadlineNs - 1) / intervalNs + 1;
        return intervalNs > (Long.MAX_VALUE - 1 - deadlineNs) / periods
                ? Long.MAX_VALUE - 1
                : deadlineNs + periods * intervalNs;
    }

    void destroy() {
        mu.lock();
        try {
            destroyed = true;
            cancelLocked();
        } finally {
            mu.unlock();
        }
    }
}
