package dev.stockade.sentry.kvm.selftest;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Threads of a check whose failures are the check's. Exclusive to the thread of the check. */
final class Guarded implements AutoCloseable {
    private static final long LIMIT_MS = 120_000;

    /** What a thread does. */
    @FunctionalInterface
    interface Action {
        void run() throws Exception;
    }

    private final List<Thread> threads = new ArrayList<>();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean stopped;

    /** Whether the threads are to end; close says so too. */
    boolean stopped() {
        return stopped;
    }

    void stop() {
        stopped = true;
    }

    void start(Action action) {
        Thread t = Thread.ofPlatform().daemon().start(() -> {
            try {
                action.run();
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        });
        threads.add(t);
    }

    /** Waits for all threads and throws what one of them threw. */
    void join() throws InterruptedException {
        for (Thread t : threads) {
            t.join(LIMIT_MS);
            if (t.isAlive()) {
                throw new AssertionError("a thread of the check does not end");
            }
        }
        Throwable e = failure.get();
        if (e != null) {
            throw new AssertionError("in a thread of the check: " + e, e);
        }
    }

    @Override
    public void close() {
        stopped = true;
        for (Thread t : threads) {
            t.interrupt();
        }
        try {
            for (Thread t : threads) {
                t.join(LIMIT_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
