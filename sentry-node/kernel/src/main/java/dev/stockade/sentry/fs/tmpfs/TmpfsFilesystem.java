package dev.stockade.sentry.fs.tmpfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.StatFs;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.util.concurrent.atomic.AtomicLong;

/** One tmpfs. */
public final class TmpfsFilesystem extends Filesystem {
    static final int BLOCK = FrameAllocator.FRAME_SIZE;
    private static final long TMPFS_MAGIC = 0x01021994;

    /** Heap that an inode with its attributes costs, and an entry of a directory without its name. */
    static final long INODE_BYTES = 256;

    static final long ENTRY_BYTES = 128;

    private final FrameAllocator frames;
    private final long maxPages;
    private final long maxInodes;
    private final AtomicLong pages = new AtomicLong();
    private final AtomicLong inodes = new AtomicLong();
    private final AtomicLong nextNumber = new AtomicLong(1);

    /** Guards the directories and link counts of this file system. */
    final Object namespace = new Object();

    private final TmpfsDirectory root;

    /**
     * What an instance may hold.
     *
     * @param sizeBytes of file contents
     * @param inodes files and directories
     */
    public record Limits(long sizeBytes, long inodes) {}

    /**
     * @param type its name in /proc/mounts: "tmpfs", "devtmpfs"
     * @param mode permission bits of the root directory
     */
    public TmpfsFilesystem(
            VirtualFilesystem vfs, FrameAllocator frames, String type, Limits limits, int mode, int uid, int gid)
            throws ErrnoException {
        super(vfs, type);
        this.frames = frames;
        this.maxPages = limits.sizeBytes() / BLOCK;
        this.maxInodes = limits.inodes();
        this.root = new TmpfsDirectory(this, FileMode.S_IFDIR | mode, uid, gid);
        this.root.linkFirst();
    }

    @Override
    public Inode root() {
        return root;
    }

    FrameAllocator frames() {
        return frames;
    }

    long nextNumber() {
        return nextNumber.getAndIncrement();
    }

    /** ENOSPC over the size limit. */
    void chargePage() throws ErrnoException {
        if (pages.incrementAndGet() > maxPages) {
            pages.decrementAndGet();
            throw Errno.ENOSPC.exception();
        }
    }

    void unchargePages(long n) {
        pages.addAndGet(-n);
    }

    /** Heap beyond which there is no space for more names. */
    void chargeHeap(long bytes) throws ErrnoException {
        try {
            vfs().heap().chargeBulk(bytes);
        } catch (ErrnoException e) {
            throw Errno.ENOSPC.exception();
        }
    }

    void unchargeHeap(long bytes) {
        vfs().heap().uncharge(bytes);
    }

    void chargeInode(long bytes) throws ErrnoException {
        if (inodes.incrementAndGet() > maxInodes) {
            inodes.decrementAndGet();
            throw Errno.ENOSPC.exception();
        }
        try {
            chargeHeap(bytes);
        } catch (ErrnoException e) {
            inodes.decrementAndGet();
            throw e;
        }
    }

    void unchargeInode(long bytes) {
        inodes.decrementAndGet();
        unchargeHeap(bytes);
    }

    /** Bytes of file contents that are held now. */
    public long usedBytes() {
        return pages.get() * BLOCK;
    }

    @Override
    public StatFs statFs() {
        long free = Math.max(0, maxPages - pages.get());
        return new StatFs(
                TMPFS_MAGIC, BLOCK, maxPages, free, free, maxInodes, Math.max(0, maxInodes - inodes.get()), 255);
    }

    @Override
    public String options() {
        return ",size=" + maxPages * (BLOCK / 1024) + "k,nr_inodes=" + maxInodes;
    }

    /** Lets go of all files that are not in use; those in use go with their last use. */
    @Override
    public void close() {
        root.removeTree();
    }

    /**
     * Makes tmpfs available to mount(2).
     *
     * @param most what one instance may hold; the options size and nr_inodes ask for less
     */
    public static void register(VirtualFilesystem vfs, FrameAllocator frames, Limits most) {
        vfs.registerType(new TmpfsType(vfs, frames, most));
    }
}
