package dev.stockade.sentry.fs.tmpfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.FrameIndex;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.MappingListener;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A regular file of a tmpfs. Its pages are frames; a page without one is a hole and reads as zeros. Bytes of the last
 * page beyond the end are kept zero where writing is concerned (a shared mapping may dirty them, as on Linux; growing
 * the file clears them).
 */
final class TmpfsFile extends TmpfsInode implements Mappable {
    private static final int PAGE = FrameAllocator.FRAME_SIZE;
    private static final int SHIFT = FrameAllocator.FRAME_SHIFT;

    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;

    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new byte[PAGE]).asReadOnly();

    private final FrameAllocator frames;

    /** Serialises writers and changes of the size. */
    private final Object ioLock = new Object();

    private final Object pageLock = new Object();

    @GuardedBy("pageLock")
    private final FrameIndex pages;

    /** Changed with both locks held. */
    private volatile long size;

    @GuardedBy("pageLock")
    private @Nullable Map<MappingListener, Integer> listeners;

    TmpfsFile(TmpfsFilesystem fs, int mode, int uid, int gid) throws ErrnoException {
        super(fs, mode, uid, gid, 128);
        this.frames = fs.frames();
        this.pages = new FrameIndex(fs.vfs().heap());
    }

    @Override
    long size() {
        return size;
    }

    @Override
    long blocks() {
        synchronized (pageLock) {
            return pages.count() * (PAGE / 512);
        }
    }

    @Override
    void evict() {
        drop(0, Long.MAX_VALUE >>> SHIFT);
    }

    // ---- reading ----

    /** The page's frame with a reference for the caller, or NONE for a hole. */
    private long pin(long page) {
        synchronized (pageLock) {
            long frame = pages.get(page);
            if (frame != FrameIndex.NONE) {
                frames.incRef(frame);
            }
            return frame;
        }
    }

    @Override
    public long read(IoSink sink, long offset) throws ErrnoException {
        long end = size;
        if (offset >= end) {
            return 0;
        }
        touchAccessed();
        long left = Math.min(sink.remaining(), end - offset);
        long at = offset;
        while (left > 0) {
            int in = (int) (at & (PAGE - 1));
            int n = (int) Math.min(left, PAGE - in);
            long frame = pin(at >>> SHIFT);
            int put;
            try {
                put = frame == FrameIndex.NONE ? sink.put(ZEROS, 0, n) : sink.put(frames.segment(), frame + in, n);
            } catch (ErrnoException e) {
                if (at > offset) {
                    return at - offset;
                }
                throw e;
            } finally {
                if (frame != FrameIndex.NONE) {
                    frames.decRef(frame);
                }
            }
            at += put;
            left -= put;
            if (put < n) {
                break;
            }
        }
        return at - offset;
    }

    // ---- writing ----

    @Override
    public long write(IoSource source, long offset) throws ErrnoException {
        synchronized (ioLock) {
            return writeLocked(source, offset);
        }
    }

    @Override
    public long append(IoSource source) throws ErrnoException {
        synchronized (ioLock) {
            long at = size;
            return at + writeLocked(source, at);
        }
    }

    private long writeLocked(IoSource source, long offset) throws ErrnoException {
        long left = source.remaining();
        if (left == 0) {
            return 0;
        }
        if (left > Long.MAX_VALUE - offset) {
            left = Long.MAX_VALUE - offset;
            if (left == 0) {
                throw Errno.EFBIG.exception();
            }
        }
        if (offset > size) {
            clearTail();
        }
        touchModified();
        long at = offset;
        while (left > 0) {
            int in = (int) (at & (PAGE - 1));
            int n = (int) Math.min(left, PAGE - in);
            int taken;
            try {
                taken = writePage(source, at >>> SHIFT, in, n);
            } catch (ErrnoException e) {
                if (at > offset) {
                    return at - offset;
                }
                throw e;
            }
            at += taken;
            left -= taken;
            if (at > size) {
                synchronized (pageLock) {
                    size = at;
                }
            }
            if (taken < n) {
                break;
            }
        }
        return at - offset;
    }

    private int writePage(IoSource source, long page, int in, int n) throws ErrnoException {
        long frame = pin(page);
        if (frame != FrameIndex.NONE) {
            try {
                return source.take(frames.segment(), frame + in, n);
            } finally {
                frames.decRef(frame);
            }
        }
        fs.chargePage();
        long made;
        try {
            made = n == PAGE ? frames.allocateUninitialized() : frames.allocate();
        } catch (ErrnoException e) {
            fs.unchargePages(1);
            throw e;
        }
        boolean kept = false;
        try {
            int taken = source.take(frames.segment(), made + in, n);
            if (n == PAGE && taken < n) {
                frames.segment().asSlice(made + taken, PAGE - taken).fill((byte) 0);
            }
            synchronized (pageLock) {
                long other = pages.get(page);
                if (other == FrameIndex.NONE) {
                    pages.put(page, made);
                    kept = true;
                } else {
                    // A fault filled the hole meanwhile.
                    MemorySegment.copy(frames.segment(), made + in, frames.segment(), other + in, taken);
                }
            }
            return taken;
        } finally {
            if (!kept) {
                frames.decRef(made);
                fs.unchargePages(1);
            }
        }
    }

    /** Zeros the rest of the page that the file ends in: the file is about to grow. The caller holds the I/O lock. */
    private void clearTail() {
        long end = size;
        int in = (int) (end & (PAGE - 1));
        if (in == 0) {
            return;
        }
        long frame = pin(end >>> SHIFT);
        if (frame != FrameIndex.NONE) {
            frames.segment().asSlice(frame + in, PAGE - in).fill((byte) 0);
            frames.decRef(frame);
        }
    }

    // ---- size and holes ----

    @Override
    public void truncate(long to) throws ErrnoException {
        synchronized (ioLock) {
            long from = size;
            if (to > from) {
                clearTail();
            }
            synchronized (pageLock) {
                size = to;
            }
            if (to < from) {
                clearTail();
                lose((to + PAGE - 1) >>> SHIFT, Long.MAX_VALUE >>> SHIFT);
            }
            touchModified();
        }
    }

    /** Mappings forget these pages, then they go. The caller holds the I/O lock but not the page lock. */
    private void lose(long fromPage, long toPage) {
        List<MappingListener> told;
        synchronized (pageLock) {
            told = listeners == null ? List.of() : new ArrayList<>(listeners.keySet());
        }
        long to = toPage >= Long.MAX_VALUE >>> SHIFT ? Long.MAX_VALUE : toPage << SHIFT;
        for (MappingListener l : told) {
            l.invalidate(this, fromPage << SHIFT, to);
        }
        drop(fromPage, toPage);
        // A hole may have been filled again between the two: once more for what mapped it.
        for (MappingListener l : told) {
            l.invalidate(this, fromPage << SHIFT, to);
        }
    }

    private void drop(long fromPage, long toPage) {
        List<Long> gone = new ArrayList<>();
        synchronized (pageLock) {
            pages.remove(fromPage, toPage, gone::add);
        }
        for (long frame : gone) {
            frames.decRef(frame);
        }
        fs.unchargePages(gone.size());
    }

    @Override
    public void allocate(int mode, long offset, long length) throws ErrnoException {
        if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) != 0) {
            throw Errno.EOPNOTSUPP.exception();
        }
        if (length > Long.MAX_VALUE - offset) {
            throw Errno.EFBIG.exception();
        }
        long end = offset + length;
        synchronized (ioLock) {
            if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
                punch(offset, end);
                return;
            }
            if (end > size && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
                clearTail();
            }
            List<Long> made = new ArrayList<>();
            try {
                for (long page = offset >>> SHIFT; page <= (end - 1) >>> SHIFT; page++) {
                    synchronized (pageLock) {
                        if (pages.get(page) == FrameIndex.NONE) {
                            fillHole(page);
                            made.add(page);
                        }
                    }
                }
            } catch (ErrnoException e) {
                for (long page : made) {
                    drop(page, page + 1);
                }
                throw e;
            }
            if (end > size && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
                synchronized (pageLock) {
                    size = end;
                }
                touchModified();
            }
        }
    }

    private void punch(long offset, long end) {
        long first = (offset + PAGE - 1) >>> SHIFT;
        long last = end >>> SHIFT;
        if (first <= last) {
            zero(offset, Math.min(end, first << SHIFT));
            zero(Math.max(offset, last << SHIFT), end);
            if (first < last) {
                lose(first, last);
            }
        } else {
            zero(offset, end);
        }
        touchModified();
    }

    /** Zeros part of one page. */
    private void zero(long from, long to) {
        if (from >= to) {
            return;
        }
        long frame = pin(from >>> SHIFT);
        if (frame != FrameIndex.NONE) {
            frames.segment().asSlice(frame + (from & (PAGE - 1)), to - from).fill((byte) 0);
            frames.decRef(frame);
        }
    }

    @GuardedBy("pageLock")
    private long fillHole(long page) throws ErrnoException {
        fs.chargePage();
        long frame;
        try {
            frame = frames.allocate();
        } catch (ErrnoException e) {
            fs.unchargePages(1);
            throw e;
        }
        try {
            pages.put(page, frame);
        } catch (ErrnoException e) {
            frames.decRef(frame);
            fs.unchargePages(1);
            throw e;
        }
        return frame;
    }

    @Override
    public long seekDataOrHole(long offset, boolean hole) throws ErrnoException {
        synchronized (pageLock) {
            long end = size;
            if (offset >= end) {
                throw Errno.ENXIO.exception();
            }
            long page = offset >>> SHIFT;
            if (hole) {
                while (page << SHIFT < end && pages.get(page) != FrameIndex.NONE) {
                    page++;
                }
                return Math.min(end, Math.max(offset, page << SHIFT));
            }
            long found = pages.nextPresent(page);
            if (found < 0 || found << SHIFT >= end) {
                throw Errno.ENXIO.exception();
            }
            return Math.max(offset, found << SHIFT);
        }
    }

    // ---- mapping ----

    @Override
    public Mappable mappable() {
        return this;
    }

    @Override
    public long mapPage(long fileOffset, boolean write) throws ErrnoException {
        // A fault may still be on its way when the last mapping goes: nobody would free what it gets.
        if (!tryUse()) {
            throw Errno.EFAULT.exception();
        }
        try {
            return pageFor(fileOffset);
        } finally {
            unuse();
        }
    }

    private long pageFor(long fileOffset) throws ErrnoException {
        synchronized (pageLock) {
            if (fileOffset >= size) {
                throw Errno.EFAULT.exception();
            }
            long page = fileOffset >>> SHIFT;
            long frame = pages.get(page);
            if (frame == FrameIndex.NONE) {
                frame = fillHole(page);
            }
            frames.incRef(frame);
            return frame;
        }
    }

    @Override
    public long mapPageIfCached(long fileOffset) {
        synchronized (pageLock) {
            if (fileOffset < 0 || fileOffset >= size) {
                return -1;
            }
            long frame = pages.get(fileOffset >>> SHIFT);
            if (frame != FrameIndex.NONE) {
                frames.incRef(frame);
            }
            return frame;
        }
    }

    @Override
    public String mappedName() {
        return mappedPath();
    }

    @Override
    public long deviceNumber() {
        return fs.device();
    }

    @Override
    public long inodeNumber() {
        return number();
    }

    @Override
    public void incrementMapping() {
        if (!tryUse()) {
            throw new IllegalStateException("mapping a file that is gone");
        }
    }

    @Override
    public void decrementMapping() {
        unuse();
    }

    @Override
    public void addListener(MappingListener listener) {
        synchronized (pageLock) {
            if (listeners == null) {
                listeners = new IdentityHashMap<>(4);
            }
            listeners.merge(listener, 1, Integer::sum);
        }
    }

    @Override
    public void removeListener(MappingListener listener) {
        synchronized (pageLock) {
            if (listeners != null) {
                listeners.computeIfPresent(listener, (l, n) -> n == 1 ? null : n - 1);
            }
        }
    }
}
