package dev.stockade.sentry.fs.overlay;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.SetAttributes;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.StatFs;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;

/** One overlay of two layers. */
public final class OverlayFilesystem extends Filesystem {
    private static final long OVERLAYFS_SUPER_MAGIC = 0x794c7630L;

    private final Filesystem lower;
    private final Filesystem upper;
    private final Inode work;
    private final OverlayDirectory root;
    private final AtomicLong nextWorkName = new AtomicLong();
    private final VfsContext context;

    /**
     * @param lower never changed; closed with the overlay
     * @param upper empty; closed with the overlay
     * @param context stands for the mounter: file systems below may look at it, nothing is checked against it
     */
    public OverlayFilesystem(VirtualFilesystem vfs, Filesystem lower, Filesystem upper, VfsContext context)
            throws ErrnoException {
        super(vfs, "overlay");
        this.lower = lower;
        this.upper = upper;
        this.context = context;
        Inode lowerRoot = lower.root();
        Stat s = lowerRoot.stat();
        Inode upperRoot = upper.root().makeDirectory(bytes("upper"), s.mode(), s.uid(), s.gid());
        upperRoot.setAttributes(
                new SetAttributes(SetAttributes.ATIME | SetAttributes.MTIME, 0, 0, 0, s.atimeNs(), s.mtimeNs()));
        this.work = upper.root().makeDirectory(bytes("work"), FileMode.S_IFDIR, 0, 0);
        this.root = new OverlayDirectory(this, null, new byte[0], lowerRoot, upperRoot);
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    /** The directory of the upper layer where things are made before they get their place. */
    Inode work() {
        return work;
    }

    byte[] workName() {
        return bytes("#" + Long.toHexString(nextWorkName.getAndIncrement()));
    }

    VfsContext context() {
        return context;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public StatFs statFs() throws ErrnoException {
        StatFs s = upper.statFs();
        return new StatFs(
                OVERLAYFS_SUPER_MAGIC,
                s.blockSize(),
                s.blocks(),
                s.blocksFree(),
                s.blocksAvailable(),
                s.files(),
                s.filesFree(),
                s.nameLength());
    }

    @Override
    public void close() {
        upper.close();
        lower.close();
    }
}
