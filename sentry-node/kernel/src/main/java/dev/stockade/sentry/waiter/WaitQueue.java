package dev.stockade.sentry.waiter;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;

/** A list of waiters. A leaf of the lock order. */
public final class WaitQueue {
    @GuardedBy("this")
    private final List<WaitEntry> entries = new ArrayList<>(2);

    public synchronized void register(WaitEntry entry, int mask) {
        entry.mask = mask;
        entries.add(entry);
    }

    public synchronized void unregister(WaitEntry entry) {
        entries.remove(entry);
    }

    /** Tells every waiter that asked for one of {@code mask}, POLLERR or POLLHUP. */
    public synchronized void notifyWaiters(int mask) {
        for (int i = 0; i < entries.size(); i++) {
            WaitEntry e = entries.get(i);
            if ((mask & (e.mask | ALWAYS)) != 0) {
                e.notify(mask);
            }
        }
    }

    public synchronized boolean isEmpty() {
        return entries.isEmpty();
    }

    /** POLLERR | POLLHUP. */
    private static final int ALWAYS = 0x8 | 0x10;
}
