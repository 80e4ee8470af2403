package dev.stockade.sentry.kernel;

import java.util.concurrent.atomic.AtomicLong;

/** What the processes of one real user id hold together, for RLIMIT_NPROC and RLIMIT_SIGPENDING. Thread-safe. */
final class UserCounters {
    /** What all users of a sandbox may have queued together, so that many user ids are no way around the limit. */
    private static final long SANDBOX_PENDING_SIGNALS = 16384;

    private final AtomicLong sandboxPendingSignals;
    private final AtomicLong tasks = new AtomicLong();
    private final AtomicLong pendingSignals = new AtomicLong();

    /** @param sandboxPendingSignals shared by all users of the sandbox */
    UserCounters(AtomicLong sandboxPendingSignals) {
        this.sandboxPendingSignals = sandboxPendingSignals;
    }

    long tasks() {
        return tasks.get();
    }

    void addTask() {
        tasks.incrementAndGet();
    }

    void removeTask() {
        tasks.decrementAndGet();
    }

    long pendingSignals() {
        return pendingSignals.get();
    }

    /** @param limit unsigned */
    boolean tryAddPendingSignal(long limit) {
        boolean overLimit = Long.compareUnsigned(pendingSignals.incrementAndGet(), limit) > 0;
        boolean full = sandboxPendingSignals.incrementAndGet() > SANDBOX_PENDING_SIGNALS;
        if (overLimit || full) {
            removePendingSignal();
            return false;
        }
        return true;
    }

    void removePendingSignal() {
        pendingSignals.decrementAndGet();
        sandboxPendingSignals.decrementAndGet();
    }
}
