package dev.stockade.sentry.mm;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.Mappable;
import java.util.HashMap;
import java.util.Map;

/** The pages of a shared anonymous mapping (Linux's shmem_zero_setup), which forked address spaces share. */
final class SharedAnonymous implements Mappable {
    private final FrameAllocator frames;
    private final long size;
    private final long inode;

    @GuardedBy("this")
    private final Map<Long, Long> pages = new HashMap<>();

    @GuardedBy("this")
    private int mappings;

    SharedAnonymous(FrameAllocator frames, long size, long inode) {
        this.frames = frames;
        this.size = size;
        this.inode = inode;
    }

    @Override
    public synchronized long mapPage(long fileOffset, boolean write) throws ErrnoException {
        if (fileOffset < 0 || fileOffset >= size) {
            throw Errno.EFAULT.exception();
        }
        Long frame = pages.get(fileOffset);
        if (frame == null) {
            frame = frames.allocate();
            pages.put(fileOffset, frame);
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
            for (long frame : pages.values()) {
                frames.decRef(frame);
            }
            pages.clear();
        }
    }
}
