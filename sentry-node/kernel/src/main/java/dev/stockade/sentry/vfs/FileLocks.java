package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.waiter.WaitQueue;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The advisory locks of one file: byte ranges (fcntl(2)) and whole files (flock(2)), which do not see each other.
 * Owners are compared by identity: a process's files for POSIX locks, the open file description for the others. Never
 * blocks: a caller that wants to wait registers with {@link #waiters} and tries again. A leaf of the lock order.
 */
public final class FileLocks {
    /**
     * A lock that stands.
     *
     * @param end exclusive; Long.MAX_VALUE: to the end of the file, however it grows
     * @param pid for F_GETLK; -1 for open file description locks
     */
    public record Range(Object owner, boolean exclusive, long start, long end, int pid) {}

    @GuardedBy("this")
    private final List<Range> ranges = new ArrayList<>(2);

    @GuardedBy("this")
    private final List<Range> whole = new ArrayList<>(2);

    private static final long RANGE_BYTES = 96;

    private final WaitQueue waiters = new WaitQueue();
    private final KernelHeap heap;

    FileLocks(KernelHeap heap) {
        this.heap = heap;
    }

    /** Told when locks were released. */
    public WaitQueue waiters() {
        return waiters;
    }

    /** The first lock that keeps {@code wanted} from being set, or null. */
    public synchronized @Nullable Range conflict(Range wanted) {
        for (Range r : ranges) {
            if (r.owner() != wanted.owner()
                    && r.start() < wanted.end()
                    && wanted.start() < r.end()
                    && (r.exclusive() || wanted.exclusive())) {
                return r;
            }
        }
        return null;
    }

    /**
     * Sets a byte range lock in place of the owner's own ones there; false if another's stands in the way.
     *
     * @throws ErrnoException ENOLCK if the sandbox has no room for more locks
     */
    public synchronized boolean tryLock(Range wanted) throws ErrnoException {
        if (conflict(wanted) != null) {
            return false;
        }
        // One more, and one more if it splits a range.
        int before = ranges.size();
        charge(2);
        replace(wanted);
        heap.uncharge((before + 2L - ranges.size()) * RANGE_BYTES);
        return true;
    }

    private void charge(int n) throws ErrnoException {
        try {
            heap.charge(n * RANGE_BYTES);
        } catch (ErrnoException e) {
            throw Errno.ENOLCK.exception();
        }
    }

    @GuardedBy("this")
    private void replace(Range wanted) {
        cut(wanted.owner(), wanted.start(), wanted.end());
        long start = wanted.start();
        long end = wanted.end();
        for (int i = ranges.size() - 1; i >= 0; i--) {
            Range r = ranges.get(i);
            if (r.owner() == wanted.owner()
                    && r.exclusive() == wanted.exclusive()
                    && r.start() <= end
                    && start <= r.end()) {
                start = Math.min(start, r.start());
                end = Math.max(end, r.end());
                ranges.remove(i);
            }
        }
        ranges.add(new Range(wanted.owner(), wanted.exclusive(), start, end, wanted.pid()));
    }

    /** Releases the owner's locks in a range. */
    public void unlock(Object owner, long start, long end) {
        boolean some;
        synchronized (this) {
            int before = ranges.size();
            some = cut(owner, start, end);
            // A range that was split costs one more, which is not worth an error.
            heap.chargeAnyway((ranges.size() - before) * RANGE_BYTES);
        }
        if (some) {
            waiters.notifyWaiters(-1);
        }
    }

    /** How many ranges the owner holds: the caller bounds it. */
    public synchronized int count(Object owner) {
        int n = 0;
        for (Range r : ranges) {
            if (r.owner() == owner) {
                n++;
            }
        }
        return n;
    }

    /** flock(2); an owner's other lock is converted. False if another's stands in the way (its own is lost then). */
    public boolean tryFlock(Object owner, boolean exclusive) {
        boolean released = false;
        boolean set = true;
        synchronized (this) {
            for (int i = whole.size() - 1; i >= 0; i--) {
                Range r = whole.get(i);
                if (r.owner() == owner) {
                    if (r.exclusive() == exclusive) {
                        return true;
                    }
                    whole.remove(i);
                    released = true;
                }
            }
            for (Range r : whole) {
                if (exclusive || r.exclusive()) {
                    set = false;
                    break;
                }
            }
            if (set) {
                // At most one for each open file, which is charged.
                whole.add(new Range(owner, exclusive, 0, Long.MAX_VALUE, 0));
            }
        }
        if (released) {
            waiters.notifyWaiters(-1);
        }
        return set;
    }

    public void unflock(Object owner) {
        boolean some;
        synchronized (this) {
            some = whole.removeIf(r -> r.owner() == owner);
        }
        if (some) {
            waiters.notifyWaiters(-1);
        }
    }

    @GuardedBy("this")
    private boolean cut(Object owner, long start, long end) {
        boolean some = false;
        for (int i = ranges.size() - 1; i >= 0; i--) {
            Range r = ranges.get(i);
            if (r.owner() != owner || r.start() >= end || start >= r.end()) {
                continue;
            }
            some = true;
            ranges.remove(i);
            if (r.start() < start) {
                ranges.add(new Range(owner, r.exclusive(), r.start(), start, r.pid()));
            }
            if (end < r.end()) {
                ranges.add(new Range(owner, r.exclusive(), end, r.end(), r.pid()));
            }
        }
        return some;
    }
}
