package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.MappingListener;
import dev.stockade.sentry.vfs.Stat;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A regular file for tests, its pages in the sandbox's backing memory. */
public final class MemoryFile extends FileDescription implements Mappable {
    private final FrameAllocator frames;
    private final Map<Long, Long> pages = new HashMap<>();
    private final List<MappingListener> listeners = new ArrayList<>();
    private byte[] contents;
    private int mappings;
    private boolean released;

    public MemoryFile(FrameAllocator frames, byte[] contents, int flags) {
        super(flags);
        this.frames = frames;
        this.contents = contents.clone();
    }

    @Override
    public synchronized long mapPage(long fileOffset, boolean write) throws ErrnoException {
        if (fileOffset >= (contents.length + 4095L & -4096L)) {
            throw Errno.EFAULT.exception();
        }
        Long frame = pages.get(fileOffset);
        if (frame == null) {
            frame = frames.allocate();
            int at = (int) fileOffset;
            MemorySegment.copy(
                    MemorySegment.ofArray(contents), at, frames.segment(), frame, Math.min(4096, contents.length - at));
            pages.put(fileOffset, frame);
        }
        frames.incRef(frame);
        return frame;
    }

    /** Cuts the file to {@code size} bytes. */
    public void cut(int size) {
        List<MappingListener> told;
        synchronized (this) {
            contents = java.util.Arrays.copyOf(contents, size);
            long end = size + 4095L & -4096L;
            pages.entrySet().removeIf(e -> {
                if (e.getKey() >= end) {
                    frames.decRef(e.getValue());
                    return true;
                }
                return false;
            });
            told = List.copyOf(listeners);
        }
        told.forEach(l -> l.invalidate(this, size + 4095L & -4096L, Long.MAX_VALUE));
    }

    @Override
    public synchronized long pread(IoSink sink, long offset) throws ErrnoException {
        if (offset >= contents.length) {
            return 0;
        }
        int n = (int) Math.min(sink.remaining(), contents.length - offset);
        return sink.put(MemorySegment.ofArray(contents), offset, n);
    }

    @Override
    public Mappable mappable() {
        return this;
    }

    @Override
    public synchronized void incrementMapping() {
        mappings++;
    }

    @Override
    public synchronized void decrementMapping() {
        mappings--;
    }

    public synchronized int mappings() {
        return mappings;
    }

    @Override
    public synchronized void addListener(MappingListener listener) {
        listeners.add(listener);
    }

    @Override
    public synchronized void removeListener(MappingListener listener) {
        listeners.remove(listener);
    }

    public synchronized int listeners() {
        return listeners.size();
    }

    /** Lets go of the cached pages. */
    public synchronized void dropCache() {
        pages.values().forEach(frames::decRef);
        pages.clear();
    }

    public synchronized boolean isReleased() {
        return released;
    }

    @Override
    protected synchronized void release() {
        released = true;
    }

    @Override
    public String mappedName() {
        return "/bin/test";
    }

    @Override
    public long deviceNumber() {
        return 0x801;
    }

    @Override
    public long inodeNumber() {
        return 12;
    }

    @Override
    public Stat stat() {
        return new Stat(0x801, 12, 0100755, 1, 0, 0, 0, contents.length, 4096, 8, 0, 0, 0);
    }
}
