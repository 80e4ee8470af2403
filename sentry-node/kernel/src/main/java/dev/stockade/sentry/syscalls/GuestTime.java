package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;

/** Times as guests write them: timespec and timeval. */
final class GuestTime {
    private GuestTime() {}

    static final long NS_PER_SECOND = 1_000_000_000L;

    /** KTIME_SEC_MAX: later times count as never. */
    private static final long SECONDS_MAX = Long.MAX_VALUE / NS_PER_SECOND - 1;

    /**
     * Reads a struct timespec.
     *
     * @return nanoseconds, {@link Clock#NEVER} if they are too many
     * @throws ErrnoException EFAULT, EINVAL
     */
    static long readTimespec(MemoryManager mm, long address) throws ErrnoException {
        long seconds = mm.readLong(address);
        long nanoseconds = mm.readLong(address + 8);
        if (seconds < 0 || nanoseconds < 0 || nanoseconds >= NS_PER_SECOND) {
            throw Errno.EINVAL.exception();
        }
        return seconds > SECONDS_MAX ? Clock.NEVER : seconds * NS_PER_SECOND + nanoseconds;
    }

    static void writeTimespec(MemoryManager mm, long address, long ns) throws ErrnoException {
        mm.writeLong(address, Math.floorDiv(ns, NS_PER_SECOND));
        mm.writeLong(address + 8, Math.floorMod(ns, NS_PER_SECOND));
    }

    /** Reads a struct timeval as nanoseconds. */
    static long readTimeval(MemoryManager mm, long address) throws ErrnoException {
        long seconds = mm.readLong(address);
        long microseconds = mm.readLong(address + 8);
        if (seconds < 0 || microseconds < 0 || microseconds >= 1_000_000) {
            throw Errno.EINVAL.exception();
        }
        return seconds > SECONDS_MAX ? Clock.NEVER : seconds * NS_PER_SECOND + microseconds * 1000;
    }

    static void writeTimeval(MemoryManager mm, long address, long ns) throws ErrnoException {
        mm.writeLong(address, Math.floorDiv(ns, NS_PER_SECOND));
        mm.writeLong(address + 8, Math.floorMod(ns, NS_PER_SECOND) / 1000);
    }

    /** The deadline of a relative wait. */
    static long deadline(Clock clock, long relativeNs) {
        long now = clock.monotonicNs();
        return relativeNs > Clock.NEVER - now ? Clock.NEVER : now + relativeNs;
    }

    /** A point of CLOCK_REALTIME on the monotonic clock. */
    static long fromRealtime(Clock clock, long realtimeNs) {
        if (realtimeNs == Clock.NEVER) {
            return Clock.NEVER;
        }
        return realtimeNs - clock.realtimeNs() + clock.monotonicNs();
    }
}
