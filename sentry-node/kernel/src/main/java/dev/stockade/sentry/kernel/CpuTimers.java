package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.time.TimerQueue;
import org.jspecify.annotations.Nullable;

/**
 * What a thread group's CPU time sets off: ITIMER_VIRTUAL, ITIMER_PROF (setitimer(2)) and RLIMIT_CPU (getrlimit(2)).
 * CPU time is looked at when it can have come at the earliest, and nothing runs while nothing is armed. Thread-safe.
 */
public final class CpuTimers {
    private static final long NS_PER_SECOND = 1_000_000_000L;

    /** Not more often than this. */
    private static final long MIN_CHECK_NS = 1_000_000;

    private final Kernel kernel;
    private final ThreadGroup tg;
    private final RankedLock mu = new RankedLock(RankedLock.Rank.TIMER);

    // ---- Guarded by mu

    private final CpuTimer virtual = new CpuTimer(Signal.SIGVTALRM);
    private final CpuTimer profiling = new CpuTimer(Signal.SIGPROF);

    /** CPU time of the next SIGXCPU. */
    private long nextLimitNs;

    private TimerQueue.@Nullable Entry entry;
    private boolean destroyed;

    /** One interval timer on CPU time; a deadline of 0 is disarmed. */
    private static final class CpuTimer {
        final int signal;
        long deadlineNs;
        long intervalNs;

        CpuTimer(int signal) {
            this.signal = signal;
        }

        IntervalTimer.Setting setting(long nowNs) {
            return deadlineNs == 0
                    ? IntervalTimer.Setting.DISARMED
                    : new IntervalTimer.Setting(Math.max(1, deadlineNs - nowNs), intervalNs);
        }

        /** Whether it expired; it then runs on or ends. */
        boolean expire(long nowNs) {
            if (deadlineNs == 0 || nowNs < deadlineNs) {
                return false;
            }
            if (intervalNs == 0) {
                deadlineNs = 0;
            } else {
                deadlineNs = IntervalTimer.next(deadlineNs, intervalNs, nowNs);
            }
            return true;
        }
    }

    CpuTimers(Kernel kernel, ThreadGroup tg) {
        this.kernel = kernel;
        this.tg = tg;
    }

    /** What is left of ITIMER_VIRTUAL, or of ITIMER_PROF. */
    public IntervalTimer.Setting get(boolean prof) {
        CpuUsage usage = tg.usage();
        mu.lock();
        try {
            return prof ? profiling.setting(total(usage)) : virtual.setting(usage.userNs());
        } finally {
            mu.unlock();
        }
    }

    /** Arms or disarms one; returns what was set before. */
    public IntervalTimer.Setting set(boolean prof, IntervalTimer.Setting next) {
        CpuUsage usage = tg.usage();
        long now = prof ? total(usage) : usage.userNs();
        mu.lock();
        try {
            CpuTimer timer = prof ? profiling : virtual;
            IntervalTimer.Setting old = timer.setting(now);
            timer.deadlineNs = next.valueNs() == 0
                    ? 0
                    : next.valueNs() > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + next.valueNs();
            timer.intervalNs = next.intervalNs();
            scheduleLocked(usage);
            return old;
        } finally {
            mu.unlock();
        }
    }

    /** RLIMIT_CPU may have changed. */
    public void limitChanged() {
        CpuUsage usage = tg.usage();
        mu.lock();
        try {
            nextLimitNs = limitNs(tg.limits.soft(Resource.RLIMIT_CPU));
            scheduleLocked(usage);
        } finally {
            mu.unlock();
        }
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

    private static long total(CpuUsage u) {
        return u.userNs() + u.systemNs();
    }

    /** A limit in seconds as a point of CPU time; 0 for none. A limit of 0 seconds counts as one second. */
    private static long limitNs(long seconds) {
        if (seconds < 0 || seconds > Long.MAX_VALUE / NS_PER_SECOND) {
            return 0;
        }
        return Math.max(1, seconds) * NS_PER_SECOND;
    }

    private void cancelLocked() {
        TimerQueue.Entry e = entry;
        if (e != null) {
            e.cancel();
            entry = null;
        }
    }

    private void scheduleLocked(CpuUsage usage) {
        cancelLocked();
        long left = Long.MAX_VALUE;
        if (virtual.deadlineNs != 0) {
            left = Math.min(left, virtual.deadlineNs - usage.userNs());
        }
        if (profiling.deadlineNs != 0) {
            left = Math.min(left, profiling.deadlineNs - total(usage));
        }
        if (nextLimitNs != 0) {
            left = Math.min(left, nextLimitNs - total(usage));
        }
        if (left == Long.MAX_VALUE || destroyed) {
            return;
        }
        // CPU time passes no faster than this on all processors together.
        long soonest = Math.max(MIN_CHECK_NS, left / kernel.config().cpus());
        long now = kernel.clock().monotonicNs();
        long at = soonest > Long.MAX_VALUE - 1 - now ? Long.MAX_VALUE - 1 : now + soonest;
        entry = kernel.timers().schedule(at, this::check);
    }

    private void check() {
        CpuUsage usage = tg.usage();
        mu.lock();
        try {
            if (destroyed) {
                return;
            }
            if (virtual.expire(usage.userNs())) {
                send(virtual.signal);
            }
            if (profiling.expire(total(usage))) {
                send(profiling.signal);
            }
            if (nextLimitNs != 0 && total(usage) >= nextLimitNs) {
                long hard = limitNs(tg.limits.get(Resource.RLIMIT_CPU).hard());
                if (hard != 0 && total(usage) >= hard) {
                    send(Signal.SIGKILL);
                } else {
                    send(Signal.SIGXCPU);
                }
                nextLimitNs += NS_PER_SECOND;
            }
            scheduleLocked(usage);
        } finally {
            mu.unlock();
        }
    }

    private void send(int signal) {
        try {
            SignalSender.sendForced(tg, SigInfo.kernel(signal));
        } catch (ErrnoException e) {
            // The group is gone; nobody to tell.
        }
    }
}
