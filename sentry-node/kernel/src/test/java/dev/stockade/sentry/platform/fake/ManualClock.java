package dev.stockade.sentry.platform.fake;

import dev.stockade.sentry.time.Clock;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/** A clock that a test moves. */
public final class ManualClock implements Clock {
    private static final long EPOCH_NS = 1_700_000_000_000_000_000L;

    private final Map<Thread, Long> parked = new ConcurrentHashMap<>();
    private volatile long nowNs = 1_000_000;

    @Override
    public long monotonicNs() {
        return nowNs;
    }

    @Override
    public long realtimeNs() {
        return EPOCH_NS + nowNs;
    }

    @Override
    public void parkUntil(Object blocker, long deadlineNs) {
        if (deadlineNs == NEVER) {
            LockSupport.park(blocker);
            return;
        }
        parked.put(Thread.currentThread(), deadlineNs);
        try {
            if (nowNs < deadlineNs) {
                LockSupport.park(blocker);
            }
        } finally {
            parked.remove(Thread.currentThread());
        }
    }

    /** How many threads wait for a deadline. */
    public int waiting() {
        return parked.size();
    }

    public synchronized void advanceNs(long ns) {
        nowNs = nowNs + ns;
        parked.forEach((thread, deadline) -> {
            if (deadline <= nowNs) {
                LockSupport.unpark(thread);
            }
        });
    }
}
