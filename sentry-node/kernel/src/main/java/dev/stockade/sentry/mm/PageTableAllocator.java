package dev.stockade.sentry.mm;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.Reclaimer;
import dev.stockade.sentry.platform.Machine;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Frames for the page tables of one sandbox. Hosts with shadow paging keep what they know of a page table until
 * {@link Machine#forgetPageTables()}, so frames of dead address spaces wait in quarantine for the next one; being slow
 * it is called for many of them at once. Thread-safe.
 */
final class PageTableAllocator implements Reclaimer {
    /** So many frames in quarantine (1 MiB, some twenty small processes) make a batch. */
    private static final int QUARANTINE_FRAMES = 256;

    private final Machine machine;
    private final FrameAllocator frames;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final long[] quarantine = new long[QUARANTINE_FRAMES];

    @GuardedBy("lock")
    private int quarantined;

    PageTableAllocator(Machine machine, FrameAllocator frames) {
        this.machine = machine;
        this.frames = frames;
        frames.addReclaimer(this);
    }

    /** A zeroed frame. */
    long allocate() throws ErrnoException {
        return frames.allocate();
    }

    /** Takes a frame that was a page table and is no longer reachable from any root that will ever run. */
    void retire(long frame) {
        lock.lock();
        try {
            if (quarantined == QUARANTINE_FRAMES) {
                flush();
            }
            quarantine[quarantined++] = frame;
        } finally {
            lock.unlock();
        }
    }

    int quarantined() {
        lock.lock();
        try {
            return quarantined;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean reclaim() {
        if (!lock.tryLock()) {
            return false;
        }
        try {
            if (quarantined == 0) {
                return false;
            }
            flush();
            return true;
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void flush() {
        machine.forgetPageTables();
        frames.decRef(quarantine, quarantined);
        quarantined = 0;
    }
}
