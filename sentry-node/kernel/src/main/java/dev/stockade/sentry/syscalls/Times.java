package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.kernel.CpuUsage;
import dev.stockade.sentry.kernel.IntervalTimer;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;

/** Clocks, sleeping and interval timers. */
final class Times {
    private Times() {}

    static final int CLOCK_REALTIME = 0;
    static final int CLOCK_MONOTONIC = 1;
    static final int CLOCK_PROCESS_CPUTIME_ID = 2;
    static final int CLOCK_THREAD_CPUTIME_ID = 3;
    static final int CLOCK_MONOTONIC_RAW = 4;
    static final int CLOCK_REALTIME_COARSE = 5;
    static final int CLOCK_MONOTONIC_COARSE = 6;
    static final int CLOCK_BOOTTIME = 7;
    static final int CLOCK_REALTIME_ALARM = 8;
    static final int CLOCK_BOOTTIME_ALARM = 9;
    static final int CLOCK_TAI = 11;

    private static final int TIMER_ABSTIME = 1;

    private static long now(Task t, int clock) throws ErrnoException {
        Clock c = t.kernel().clock();
        return switch (clock) {
            case CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI -> c.realtimeNs();
            case CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM ->
                c.monotonicNs();
            case CLOCK_PROCESS_CPUTIME_ID -> total(t.threadGroup().usage());
            case CLOCK_THREAD_CPUTIME_ID -> total(t.accounting().usage());
            default -> cpuClock(t, clock);
        };
    }

    /** Clock ids that clock_getcpuclockid(3) and pthread_getcpuclockid(3) make: ~pid << 3 | kind. */
    private static long cpuClock(Task t, int clock) throws ErrnoException {
        if (clock >= 0 || (clock & 3) == 3) {
            throw Errno.EINVAL.exception();
        }
        int pid = ~(clock >> 3);
        boolean thread = (clock & 4) != 0;
        Task target = pid == 0 ? t : t.pidNamespace().task(pid);
        if (target == null || (thread && target.threadGroup() != t.threadGroup())) {
            throw Errno.EINVAL.exception();
        }
        CpuUsage u = thread ? target.accounting().usage() : target.threadGroup().usage();
        return (clock & 3) == 1 ? u.userNs() : total(u);
    }

    private static long total(CpuUsage u) {
        return u.userNs() + u.systemNs();
    }

    static long clock_gettime(Task t, SyscallArgs a) throws ErrnoException {
        long ns = now(t, a.intAt(0));
        GuestTime.writeTimespec(t.memoryManager(), a.longAt(1), ns);
        return 0;
    }

    static long clock_getres(Task t, SyscallArgs a) throws ErrnoException {
        int clock = a.intAt(0);
        checkClock(t, clock);
        if (a.longAt(1) != 0) {
            boolean coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
            GuestTime.writeTimespec(t.memoryManager(), a.longAt(1), coarse ? 4_000_000 : 1);
        }
        return 0;
    }

    static long clock_settime(Task t, SyscallArgs a) throws ErrnoException {
        checkClock(t, a.intAt(0));
        // No sandbox has a clock of its own to set.
        throw (a.intAt(0) == CLOCK_REALTIME ? Errno.EPERM : Errno.EINVAL).exception();
    }

    /** @throws ErrnoException EINVAL if there is no such clock */
    @SuppressWarnings("CheckReturnValue") // only whether there is one matters
    private static void checkClock(Task t, int clock) throws ErrnoException {
        now(t, clock);
    }

    static long gettimeofday(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        if (a.longAt(0) != 0) {
            GuestTime.writeTimeval(mm, a.longAt(0), t.kernel().clock().realtimeNs());
        }
        if (a.longAt(1) != 0) {
            mm.writeLong(a.longAt(1), 0); // struct timezone: UTC
        }
        return 0;
    }

    static long time(Task t, SyscallArgs a) throws ErrnoException {
        long seconds = Math.floorDiv(t.kernel().clock().realtimeNs(), GuestTime.NS_PER_SECOND);
        if (a.longAt(0) != 0) {
            t.memoryManager().writeLong(a.longAt(0), seconds);
        }
        return seconds;
    }

    static long times(Task t, SyscallArgs a) throws ErrnoException {
        long buffer = a.longAt(0);
        if (buffer != 0) {
            CpuUsage own = t.threadGroup().usage();
            CpuUsage children = t.threadGroup().childUsage();
            MemoryManager mm = t.memoryManager();
            mm.writeLong(buffer, CpuUsage.ticks(own.userNs()));
            mm.writeLong(buffer + 8, CpuUsage.ticks(own.systemNs()));
            mm.writeLong(buffer + 16, CpuUsage.ticks(children.userNs()));
            mm.writeLong(buffer + 24, CpuUsage.ticks(children.systemNs()));
        }
        return CpuUsage.ticks(t.kernel().clock().monotonicNs());
    }

    // ---- Sleeping

    static long nanosleep(Task t, SyscallArgs a) throws ErrnoException {
        long ns = GuestTime.readTimespec(t.memoryManager(), a.longAt(0));
        return sleepUntil(t, GuestTime.deadline(t.kernel().clock(), ns), a.longAt(1), false);
    }

    static long clock_nanosleep(Task t, SyscallArgs a) throws ErrnoException {
        int clock = a.intAt(0);
        boolean absolute = (a.intAt(1) & TIMER_ABSTIME) != 0;
        boolean realtime = false;
        switch (clock) {
            case CLOCK_REALTIME, CLOCK_TAI, CLOCK_REALTIME_ALARM -> realtime = true;
            case CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM -> {}
            case CLOCK_PROCESS_CPUTIME_ID -> throw Errno.EOPNOTSUPP.exception();
            default -> {
                checkClock(t, clock);
                throw (clock == CLOCK_THREAD_CPUTIME_ID ? Errno.EINVAL : Errno.EOPNOTSUPP).exception();
            }
        }
        long ns = GuestTime.readTimespec(t.memoryManager(), a.longAt(2));
        Clock c = t.kernel().clock();
        if (!absolute) {
            return sleepUntil(t, GuestTime.deadline(c, ns), a.longAt(3), false);
        }
        return sleepUntil(t, realtime ? GuestTime.fromRealtime(c, ns) : ns, 0, true);
    }

    private static long sleepUntil(Task t, long deadlineNs, long remaining, boolean absolute) throws ErrnoException {
        t.blocking().prepare();
        for (; ; ) {
            switch (t.blocking().sleep(deadlineNs)) {
                case READY -> {}
                case TIMED_OUT -> {
                    return 0;
                }
                case INTERRUPTED -> {
                    if (absolute) {
                        throw Errno.ERESTARTNOHAND.exception();
                    }
                    long left = deadlineNs - t.kernel().clock().monotonicNs();
                    if (left <= 0) {
                        return 0;
                    }
                    if (remaining != 0) {
                        GuestTime.writeTimespec(t.memoryManager(), remaining, left);
                    }
                    t.setRestartBlock((task, args) -> sleepUntil(task, deadlineNs, remaining, false));
                    throw Errno.ERESTART_RESTARTBLOCK.exception();
                }
            }
        }
    }

    // ---- Interval timers

    private static final int ITIMER_REAL = 0;
    private static final int ITIMER_VIRTUAL = 1;
    private static final int ITIMER_PROF = 2;

    static long alarm(Task t, SyscallArgs a) {
        long seconds = a.longAt(0) & 0xffffffffL;
        IntervalTimer.Setting old =
                t.threadGroup().realTimer().set(new IntervalTimer.Setting(seconds * GuestTime.NS_PER_SECOND, 0));
        // Rounded to the nearest second, but never 0 while it runs (kernel/time/itimer.c, alarm_setitimer).
        long left = old.valueNs() / GuestTime.NS_PER_SECOND;
        long rest = old.valueNs() % GuestTime.NS_PER_SECOND;
        return rest >= GuestTime.NS_PER_SECOND / 2 || (left == 0 && rest > 0) ? left + 1 : left;
    }

    static long getitimer(Task t, SyscallArgs a) throws ErrnoException {
        IntervalTimer.Setting now = switch (a.intAt(0)) {
            case ITIMER_REAL -> t.threadGroup().realTimer().get();
            case ITIMER_VIRTUAL -> t.threadGroup().cpuTimers().get(false);
            case ITIMER_PROF -> t.threadGroup().cpuTimers().get(true);
            default -> throw Errno.EINVAL.exception();
        };
        writeItimerval(t, a.longAt(1), now);
        return 0;
    }

    static long setitimer(Task t, SyscallArgs a) throws ErrnoException {
        IntervalTimer.Setting next = IntervalTimer.Setting.DISARMED;
        MemoryManager mm = t.memoryManager();
        if (a.longAt(1) != 0) {
            long interval = GuestTime.readTimeval(mm, a.longAt(1));
            long value = GuestTime.readTimeval(mm, a.longAt(1) + 16);
            next = new IntervalTimer.Setting(value, interval);
        }
        IntervalTimer.Setting old = switch (a.intAt(0)) {
            case ITIMER_REAL -> t.threadGroup().realTimer().set(next);
            case ITIMER_VIRTUAL -> t.threadGroup().cpuTimers().set(false, next);
            case ITIMER_PROF -> t.threadGroup().cpuTimers().set(true, next);
            default -> throw Errno.EINVAL.exception();
        };
        if (a.longAt(2) != 0) {
            writeItimerval(t, a.longAt(2), old);
        }
        return 0;
    }

    private static void writeItimerval(Task t, long address, IntervalTimer.Setting s) throws ErrnoException {
        GuestTime.writeTimeval(t.memoryManager(), address, s.intervalNs());
        GuestTime.writeTimeval(t.memoryManager(), address + 16, s.valueNs());
    }
}
