package dev.stockade.sentry.kernel;

import java.util.concurrent.atomic.AtomicInteger;

/** A bound on tasks (each is a thread of the host) that several kernels of a node share. Thread-safe. */
public final class TaskBudget {
    private final int maximum;
    private final AtomicInteger used = new AtomicInteger();

    public TaskBudget(int maximum) {
        this.maximum = maximum;
    }

    boolean tryAcquire() {
        for (; ; ) {
            int n = used.get();
            if (n >= maximum) {
                return false;
            }
            if (used.compareAndSet(n, n + 1)) {
                return true;
            }
        }
    }

    void release() {
        used.decrementAndGet();
    }

    /** Tasks that run now in all kernels that share it. */
    public int used() {
        return used.get();
    }
}
