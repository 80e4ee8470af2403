package dev.stockade.sentry.futex;

import org.jspecify.annotations.Nullable;

/** A task that waits on a futex. */
public final class FutexWaiter {
    private final Runnable wake;
    final int bitset;

    /** Where it is queued; null once it was woken or taken out. Guarded by the lock of that key's bucket. */
    volatile @Nullable Object key;

    private volatile boolean woken;

    /** @param wake unparks the task; takes no lock */
    public FutexWaiter(Runnable wake, int bitset) {
        this.wake = wake;
        this.bitset = bitset;
    }

    /** Whether a FUTEX_WAKE chose it. */
    public boolean woken() {
        return woken;
    }

    void wake() {
        key = null;
        woken = true;
        wake.run();
    }
}
