package dev.stockade.sentry.kernel;

import dev.stockade.sentry.platform.ExitReason;
import java.util.concurrent.atomic.LongAdder;

/** What a sandbox's tasks have asked of the kernel, and why guest code came back to it. Thread-safe. */
public final class SyscallStatistics {
    private static final int SIZE = 512;
    private final LongAdder[] calls = new LongAdder[SIZE];
    private final LongAdder[] failures = new LongAdder[SIZE];
    private final LongAdder[] exits = new LongAdder[ExitReason.values().length];
    private final LongAdder pageFaults = new LongAdder();

    SyscallStatistics() {
        for (int i = 0; i < SIZE; i++) {
            calls[i] = new LongAdder();
            failures[i] = new LongAdder();
        }
        for (int i = 0; i < exits.length; i++) {
            exits[i] = new LongAdder();
        }
    }

    /** Counts one call; numbers that do not exist are counted together. */
    public void count(long number) {
        calls[slot(number)].increment();
    }

    /** Counts that a call gave an error; restarts are none. */
    void countFailure(long number) {
        failures[slot(number)].increment();
    }

    void countExit(ExitReason reason) {
        exits[reason.ordinal()].increment();
    }

    void countPageFault() {
        pageFaults.increment();
    }

    private static int slot(long number) {
        return number >= 0 && number < SIZE - 1 ? (int) number : SIZE - 1;
    }

    /** How often a call was made. */
    public long calls(int number) {
        return calls[number].sum();
    }

    /** How often a call gave an error. */
    public long failures(int number) {
        return failures[number].sum();
    }

    /** How often guest code came back to the kernel for this reason. */
    public long exits(ExitReason reason) {
        return exits[reason.ordinal()].sum();
    }

    public long pageFaults() {
        return pageFaults.sum();
    }

    public long total() {
        long n = 0;
        for (LongAdder a : calls) {
            n += a.sum();
        }
        return n;
    }
}
