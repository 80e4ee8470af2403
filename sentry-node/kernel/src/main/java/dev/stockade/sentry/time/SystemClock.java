package dev.stockade.sentry.time;

import java.time.Instant;
import java.util.concurrent.locks.LockSupport;

/** The host's clocks. CLOCK_MONOTONIC starts near 0 when the clock is made. */
public final class SystemClock implements Clock {
    private final long startNs = System.nanoTime();

    @Override
    public long monotonicNs() {
        return System.nanoTime() - startNs;
    }

    @Override
    public long realtimeNs() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    @Override
    public void parkUntil(Object blocker, long deadlineNs) {
        if (deadlineNs == NEVER) {
            LockSupport.park(blocker);
            return;
        }
        long left = deadlineNs - monotonicNs();
        if (left > 0) {
            LockSupport.parkNanos(blocker, left);
        }
    }
}
