package dev.stockade.sentry.time;

/** Where a kernel takes its time from. Thread-safe. */
public interface Clock {
    /** No deadline. */
    long NEVER = Long.MAX_VALUE;

    /** Nanoseconds of CLOCK_MONOTONIC: since an arbitrary start, never going back. */
    long monotonicNs();

    /** Nanoseconds since the epoch (CLOCK_REALTIME). */
    long realtimeNs();

    /**
     * Parks the calling thread like {@link java.util.concurrent.locks.LockSupport#park} until it is unparked,
     * {@link #monotonicNs} reaches {@code deadlineNs}, or for no reason.
     */
    void parkUntil(Object blocker, long deadlineNs);
}
