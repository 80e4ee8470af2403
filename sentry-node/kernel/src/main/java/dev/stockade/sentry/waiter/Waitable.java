package dev.stockade.sentry.waiter;

/** Something whose readiness can be asked and waited for; the masks are poll(2)'s POLLIN, POLLOUT, ... */
public interface Waitable {
    /** Those of {@code mask} (and POLLERR, POLLHUP) that hold now. */
    int readiness(int mask);

    /** From now on {@code entry} is told when one of {@code mask} may have become true. */
    void register(WaitEntry entry, int mask);

    /** Undoes {@link #register}; no call-back begins after it returned. */
    void unregister(WaitEntry entry);
}
