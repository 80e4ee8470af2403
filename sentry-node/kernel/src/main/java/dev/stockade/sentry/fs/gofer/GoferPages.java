package dev.stockade.sentry.fs.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.FrameIndex;
import dev.stockade.sentry.memory.KernelHeap;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The page cache of one file. Misses fetch a window around them, which grows while the file is read on in order; others
 * that miss meanwhile wait for the fetch. Pages are always clean, so they can be dropped at any time.
 */
final class GoferPages {
    private static final int PAGE = FrameAllocator.FRAME_SIZE;
    private static final int SHIFT = FrameAllocator.FRAME_SHIFT;

    private static final int MIN_WINDOW_PAGES = 64;
    private static final int MAX_WINDOW_PAGES = 256;

    private final GoferFilesystem fs;
    private final long handle;
    private final long size;

    /** Held across a call of the client. */
    private final ReentrantLock fetchLock = new ReentrantLock();

    // Read-ahead; guarded by fetchLock.
    private long expectedPage = -1;
    private int windowPages = MIN_WINDOW_PAGES;

    /** A lock that reclaim can try. */
    private final ReentrantLock pageLock = new ReentrantLock();

    @GuardedBy("pageLock")
    private final FrameIndex pages;

    @GuardedBy("pageLock")
    private boolean queued;

    @GuardedBy("pageLock")
    private boolean closed;

    /** Heap of the inode beyond the index of pages. */
    @GuardedBy("pageLock")
    private long charged;

    /** Was read since reclaim last looked; racy on purpose. */
    private volatile boolean used;

    GoferPages(GoferFilesystem fs, long handle, long size) {
        this.fs = fs;
        this.handle = handle;
        this.size = size;
        this.pages = new FrameIndex(fs.vfs().heap());
    }

    /** The frame of a page that is there, with a reference for the caller; NONE if it is not. */
    long pinIfCached(long page) {
        pageLock.lock();
        try {
            long frame = pages.get(page);
            if (frame != FrameIndex.NONE) {
                fs.frames().incRef(frame);
                if (!used) {
                    used = true;
                }
            }
            return frame;
        } finally {
            pageLock.unlock();
        }
    }

    /** The page's frame with a reference for the caller, fetched if need be. */
    long pin(long page) throws ErrnoException {
        long frame = pinIfCached(page);
        if (frame != FrameIndex.NONE) {
            return frame;
        }
        try {
            fetchLock.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Errno.EINTR.exception();
        }
        try {
            frame = pinIfCached(page);
            return frame != FrameIndex.NONE ? frame : fetch(page);
        } finally {
            fetchLock.unlock();
        }
    }

    /** Fetches a window with this page; the caller holds the fetch lock. */
    private long fetch(long page) throws ErrnoException {
        if (fs.vfs().heap().isTight()) {
            // Small files' indexes weigh more than their pages: the longest unread ones make room.
            fs.reclaimer().reclaim();
        }
        long filePages = (size + PAGE - 1) >>> SHIFT;
        long from = page;
        if (page == expectedPage) {
            windowPages = Math.min(windowPages * 2, MAX_WINDOW_PAGES);
        } else {
            windowPages = MIN_WINDOW_PAGES;
            from = page - page % MIN_WINDOW_PAGES;
        }
        long to = Math.min(filePages, from + windowPages);
        pageLock.lock();
        try {
            // Only the run of missing pages around this one.
            long f = page;
            while (f > from && pages.get(f - 1) == FrameIndex.NONE) {
                f--;
            }
            from = f;
            long t = page + 1;
            while (t < to && pages.get(t) == FrameIndex.NONE) {
                t++;
            }
            to = t;
        } finally {
            pageLock.unlock();
        }
        // Every task may be waiting for a window of its own at once.
        KernelHeap heap = fs.vfs().heap();
        long charged = (to - from) << SHIFT;
        try {
            heap.charge(charged);
        } catch (ErrnoException e) {
            from = page;
            to = page + 1;
            charged = PAGE;
            heap.charge(charged);
        }
        try {
            return fetch(page, from, to);
        } finally {
            heap.uncharge(charged);
        }
    }

    private long fetch(long page, long first, long to) throws ErrnoException {
        long from = first;
        int count = (int) (to - from);
        long[] frames = new long[count];
        int got = fs.frames().allocate(frames, count, false);
        if (got < count) {
            // Not enough memory for read-ahead: start at the page that is wanted.
            from = page;
            count = (int) Math.min(got, to - from);
            fs.frames().decRef(Arrays.copyOfRange(frames, count, got), got - count);
        }
        boolean done = false;
        try {
            long result = fill(page, from, frames, count);
            done = true;
            expectedPage = from + count;
            return result;
        } finally {
            if (!done) {
                fs.frames().decRef(frames, count);
            }
        }
    }

    /** Reads into the frames and makes them the file's pages; theirs is the frames' reference then. */
    private long fill(long page, long from, long[] frames, int count) throws ErrnoException {
        byte[] buffer = new byte[count << SHIFT];
        long offset = from << SHIFT;
        int wanted = (int) Math.min(buffer.length, size - offset);
        int read = 0;
        MemorySegment window = MemorySegment.ofArray(buffer);
        while (read < wanted) {
            int n = fs.client().read(handle, offset + read, window.asSlice(read, wanted - read));
            if (n <= 0) {
                break;
            }
            read += n;
        }
        MemorySegment memory = fs.frames().segment();
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(window, (long) i << SHIFT, memory, frames[i], PAGE);
        }
        boolean first = false;
        pageLock.lock();
        try {
            long wantedFrame = frames[(int) (page - from)];
            fs.frames().incRef(wantedFrame);
            int i = 0;
            try {
                while (!closed && i < count) {
                    pages.put(from + i, frames[i]);
                    i++;
                }
            } catch (ErrnoException e) {
                // Not cached then: the heap account is full.
                used = true;
            }
            if (i < count) {
                fs.frames().decRef(Arrays.copyOfRange(frames, i, count), count - i);
            }
            if (!queued && i > 0) {
                queued = true;
                first = true;
            }
            return wantedFrame;
        } finally {
            pageLock.unlock();
            if (first) {
                fs.reclaimer().add(this);
            }
        }
    }

    /** Pages that are cached now. */
    long cachedPages() {
        pageLock.lock();
        try {
            return pages.count();
        } finally {
            pageLock.unlock();
        }
    }

    // ---- reclaim ----

    boolean clearUsed() {
        boolean was = used;
        used = false;
        return was;
    }

    /**
     * Drops the pages that only this cache refers to.
     *
     * @return how many; -1 if the file is busy
     */
    int tryDrop() {
        if (!pageLock.tryLock()) {
            return -1;
        }
        try {
            int dropped = 0;
            for (long page = pages.nextPresent(0); page >= 0; page = pages.nextPresent(page + 1)) {
                if (fs.frames().references(pages.get(page)) == 1) {
                    pages.remove(page, page + 1, fs.frames()::decRef);
                    dropped++;
                }
            }
            return dropped;
        } finally {
            pageLock.unlock();
        }
    }

    /** Whether nothing is cached and the file no longer counts as queued for reclaim. */
    boolean leaveQueueIfEmpty() {
        if (!pageLock.tryLock()) {
            return false;
        }
        try {
            if (pages.count() > 0) {
                return false;
            }
            queued = false;
            return true;
        } finally {
            pageLock.unlock();
        }
    }

    /** Charges heap that the inode keeps until it is collected; false if there is no room. */
    boolean charge(long bytes) {
        pageLock.lock();
        try {
            if (closed) {
                return false;
            }
            fs.vfs().heap().chargeBulk(bytes);
            charged += bytes;
            return true;
        } catch (ErrnoException e) {
            return false;
        } finally {
            pageLock.unlock();
        }
    }

    /** Drops everything for good. Idempotent. */
    void close() {
        pageLock.lock();
        try {
            closed = true;
            fs.vfs().heap().uncharge(charged);
            charged = 0;
            pages.remove(0, Long.MAX_VALUE >>> SHIFT, fs.frames()::decRef);
        } finally {
            pageLock.unlock();
        }
    }
}
