package dev.stockade.e2e;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** Waits for what must become true, never for a fixed time. */
final class Await {
    private static final long POLL_MS = 50;

    private Await() {}

    static <T> T until(Duration time, Callable<T> look, Predicate<T> wanted) throws Exception {
        long deadline = System.nanoTime() + time.toNanos();
        while (true) {
            T seen = look.call();
            if (wanted.test(seen)) {
                return seen;
            }
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + time + "; last seen: " + seen);
            }
            TimeUnit.MILLISECONDS.sleep(POLL_MS);
        }
    }
}
