package dev.stockade.sentry.waiter;

/** One waiter's place in a {@link WaitQueue}. The same entry is registered with at most one queue at a time. */
public abstract class WaitEntry {
    /** Guarded by the queue's lock. */
    int mask;

    /**
     * Something of the mask may have become ready. Called with locks held: must not block, call back into the
     * waitable or take locks other than leaf locks.
     */
    public abstract void notify(int readyMask);
}
