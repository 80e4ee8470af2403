package dev.stockade.sentry.kernel;

import java.util.concurrent.atomic.LongAdder;

/** What a sandbox's tasks have asked of the kernel. Thread-safe. */
public final class SyscallStatistics {
    private static final int SIZE = 512;
    private final LongAdder[] calls = new LongAdder[SIZE];

    SyscallStatistics() {
        for (int i = 0; i < SIZE; i++) {
            calls[i] = new LongAdder();
        }
    }

    /** Counts one call; numbers that do not exist are counted together. */
    public void count(long number) {
        calls[number >= 0 && number < SIZE - 1 ? (int) number : SIZE - 1].increment();
    }

    /** How often a call was made. */
    public long calls(int number) {
        return calls[number].sum();
    }

    public long total() {
        long n = 0;
        for (LongAdder a : calls) {
            n += a.sum();
        }
        return n;
    }
}
