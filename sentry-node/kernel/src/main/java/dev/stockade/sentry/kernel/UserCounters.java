package dev.stockade.sentry.kernel;

import java.util.concurrent.atomic.AtomicLong;

/** What the processes of one real user id hold together, for RLIMIT_NPROC and RLIMIT_SIGPENDING. Thread-safe. */
final class UserCounters {
    private final AtomicLong tasks = new AtomicLong();
    private final AtomicLong pendingSignals = new AtomicLong();

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
        if (Long.compareUnsigned(pendingSignals.incrementAndGet(), limit) > 0) {
            pendingSignals.decrementAndGet();
            return false;
        }
        return true;
    }

    void removePendingSignal() {
        pendingSignals.decrementAndGet();
    }
}
