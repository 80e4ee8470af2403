package dev.stockade.sentry.kernel;

import java.util.concurrent.locks.ReentrantLock;

/**
 * A mutex with a place in the kernel's lock order (see the package's description). Under {@code -ea} taking one out
 * of order, or twice, fails.
 */
public final class RankedLock extends ReentrantLock {
    private static final long serialVersionUID = 1L;

    /** In lock order, outermost first. */
    public enum Rank {
        KERNEL_EXT,
        THREAD_GROUP_TIMER,
        TIMER,
        TASK_SET,
        SIGNAL_HANDLERS,
        TASK
    }

    /** The ranks that the current thread holds, as bits; kept only under {@code -ea}. */
    private static final ThreadLocal<int[]> HELD = ThreadLocal.withInitial(() -> new int[1]);

    private final Rank rank;

    public RankedLock(Rank rank) {
        this.rank = rank;
    }

    @Override
    public void lock() {
        assert mayAcquire() : "lock order: " + rank + " taken while holding a lock of ranks " + heldRanks();
        super.lock();
        assert noteAcquired();
    }

    @Override
    public boolean tryLock() {
        boolean locked = super.tryLock();
        assert !locked || noteAcquired();
        return locked;
    }

    @Override
    public void unlock() {
        assert noteReleased();
        super.unlock();
    }

    /** Asserts (under {@code -ea}) that the current thread holds it. */
    public void assertHeld() {
        assert isHeldByCurrentThread() : rank + " must be held";
    }

    private boolean mayAcquire() {
        return (HELD.get()[0] >>> rank.ordinal()) == 0;
    }

    private boolean noteAcquired() {
        HELD.get()[0] |= 1 << rank.ordinal();
        return true;
    }

    private boolean noteReleased() {
        HELD.get()[0] &= ~(1 << rank.ordinal());
        return true;
    }

    private static String heldRanks() {
        StringBuilder b = new StringBuilder();
        for (Rank r : Rank.values()) {
            if ((HELD.get()[0] & 1 << r.ordinal()) != 0) {
                b.append(b.isEmpty() ? "" : ", ").append(r);
            }
        }
        return b.toString();
    }
}
