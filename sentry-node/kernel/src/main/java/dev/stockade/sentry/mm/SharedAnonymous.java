package dev.stockade.sentry.mm;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.FrameIndex;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.Mappable;

/** The pages of a shared anonymous mapping (Linux's shmem_zero_setup), which forked address spaces share. */
final class SharedAnonymous implements Mappable {
    private final FrameAllocator frames;
    private final long size;
    private final long inode;

    @GuardedBy("this")
    private final FrameIndex pages;

    @GuardedBy("this")
    private int mappings;

    SharedAnonymous(FrameAllocator frames, KernelHeap heap, long size, long inode) {
        this.frames = frames;
        this.pages = new FrameIndex(heap);
        this.size = size;
        this.inode = inode;
    }

    @Override
    public synchronized long mapPage(long fileOffset, boolean write) throws ErrnoException {
        // A fault may still be on its way when the last mapping goes: nobody would free what it gets.
        if (fileOffset < 0 || fileOffset >= size || mappings == 0) {
            throw Errno.EFAULT.exception();
        }
        long page = fileOffset >>> FrameAllocator.FRAME_SHIFT;
        long frame = pages.get(page);
        if (frame == FrameIndex.NONE) {
            frame = frames.allocate();
            boolean kept = false;
            try {
                pages.put(page, frame);
                kept = true;
            } finally {
                if (!kept) {
                    frames.decRef(frame);
                }
            }
        }
        frames.incRef(frame);
        return frame;
    }

    @Override
    public String mappedName() {
        return "/dev/zero (deleted)";
    }

    @Override
    public long deviceNumber() {
        return 1;
    }

    @Override
    public long inodeNumber() {
        return inode;
    }

    @Override
    public synchronized void incrementMapping() {
        mappings++;
    }

    @Override
    public synchronized void decrementMapping() {
        if (--mappings == 0) {
            pages.remove(0, size >>> FrameAllocator.FRAME_SHIFT, frames::decRef);
        }
    }
}
