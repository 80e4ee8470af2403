package dev.stockade.sentry.fs.overlay;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.KernelBuffer;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.SetAttributes;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A file of an overlay: the lower layer's until something of it is changed, then a copy in the upper layer. It stays the
 * same file for whoever has it: same number, and reads go to the copy from then on (mappings made before keep showing
 * the lower file, as on Linux).
 *
 * <p>Upper inodes refer back to their overlay inode through {@link Inode#special}, so identity lasts as long as the
 * upper inode does, whatever the caches forget.
 */
class OverlayInode extends Inode {
    /** Numbers of files that were never below; inode numbers of real file systems stay far under it. */
    private static final long UPPER_NUMBERS = 1L << 48;

    private static final long COPY_BYTES = 256 * 1024;

    final OverlayFilesystem fs;

    /** Where the lower file stands; what is only below never moves. Null for the root. */
    private final @Nullable OverlayDirectory parent;

    private final byte[] name;

    /** The file below, also after it was copied up; null if there never was one. */
    private final @Nullable Inode lower;

    /** Set once. */
    private volatile @Nullable Inode upper;

    /** Under which the copy is made in the work directory. */
    @GuardedBy("this")
    private byte[] workName = new byte[0];

    /** The lower file's name was removed here. Written under this inode's lock. */
    private volatile boolean removed;

    /** Open files; they hold one use of the upper file together. */
    @GuardedBy("this")
    private int uses;

    OverlayInode(
            OverlayFilesystem fs,
            @Nullable OverlayDirectory parent,
            byte[] name,
            @Nullable Inode lower,
            @Nullable Inode upper) {
        super(fs);
        this.fs = fs;
        this.parent = parent;
        this.name = name;
        this.lower = lower;
        this.upper = upper;
        if (upper != null) {
            upper.special().set(this);
        }
    }

    /** The overlay's inode of an upper one. */
    static OverlayInode of(Inode upper) {
        Object o = upper.special().get();
        if (o == null) {
            throw new IllegalStateException("an upper file that the overlay did not make");
        }
        return (OverlayInode) o;
    }

    final @Nullable Inode lower() {
        return lower;
    }

    final @Nullable Inode upper() {
        return upper;
    }

    /** The layer's file that counts now. */
    final Inode real() {
        Inode u = upper;
        if (u != null) {
            return u;
        }
        Inode l = lower;
        if (l == null) {
            throw new IllegalStateException("an overlay file in no layer");
        }
        return l;
    }

    // ---- attributes ----

    @Override
    public final long number() {
        return lower != null ? lower.number() : UPPER_NUMBERS + real().number();
    }

    @Override
    public final int mode() {
        return real().mode();
    }

    @Override
    public final int uid() {
        return real().uid();
    }

    @Override
    public final int gid() {
        return real().gid();
    }

    @Override
    public final long rdev() {
        return real().rdev();
    }

    int linkCount(Stat real) {
        if (upper != null) {
            return real.nlink();
        }
        return removed ? Math.max(0, real.nlink() - 1) : real.nlink();
    }

    @Override
    public final Stat stat() throws ErrnoException {
        Stat s = real().stat();
        return new Stat(
                fs.device(),
                number(),
                s.mode(),
                linkCount(s),
                s.uid(),
                s.gid(),
                s.rdev(),
                s.size(),
                s.blockSize(),
                s.blocks(),
                s.atimeNs(),
                s.mtimeNs(),
                s.ctimeNs());
    }

    @Override
    public final void setAttributes(SetAttributes attributes) throws ErrnoException {
        copyUp(true).setAttributes(attributes);
    }

    // ---- extended attributes ----

    @Override
    public final byte[] getXattr(String xattr) throws ErrnoException {
        try {
            return real().getXattr(xattr);
        } catch (ErrnoException e) {
            throw e.errno() == Errno.EOPNOTSUPP && upper == null ? Errno.ENODATA.exception() : e;
        }
    }

    @Override
    public final void setXattr(String xattr, byte[] value, int flags) throws ErrnoException {
        copyUp(true).setXattr(xattr, value, flags);
    }

    @Override
    public final List<String> listXattrs() throws ErrnoException {
        return real().listXattrs();
    }

    @Override
    public final void removeXattr(String xattr) throws ErrnoException {
        getXattr(xattr);
        copyUp(true).removeXattr(xattr);
    }

    // ---- copying up ----

    /**
     * Makes sure that there is an upper file.
     *
     * @param contents whether the lower contents are wanted; not if they are about to be dropped
     */
    final Inode copyUp(boolean contents) throws ErrnoException {
        Inode u = upper;
        if (u != null) {
            return u;
        }
        Inode l = lower;
        OverlayDirectory p = parent;
        if (l == null || p == null) {
            throw new IllegalStateException("an overlay file in no layer");
        }
        Inode upperParent = p.copyUp(true);
        synchronized (this) {
            u = upper;
            if (u == null) {
                u = makeUpper(l, contents);
                u.special().set(this);
                if (uses > 0 && !u.tryUse()) {
                    throw new IllegalStateException("the copy of an open file is gone");
                }
                place(u, upperParent);
                upper = u;
            }
            return u;
        }
    }

    /** A copy of the lower file in the work directory. */
    @GuardedBy("this")
    private Inode makeUpper(Inode l, boolean contents) throws ErrnoException {
        Stat s = l.stat();
        workName = fs.workName();
        Inode u = switch (s.mode() & FileMode.S_IFMT) {
            case FileMode.S_IFDIR -> fs.work().makeDirectory(workName, s.mode(), s.uid(), s.gid());
            case FileMode.S_IFLNK -> fs.work().makeSymlink(workName, l.readLink(fs.context()), s.uid(), s.gid());
            default -> fs.work().create(workName, s.mode(), s.uid(), s.gid(), s.rdev());
        };
        boolean done = false;
        try {
            if (l.isRegular() && contents) {
                copyContents(l, u, s.size());
            }
            u.setAttributes(
                    new SetAttributes(SetAttributes.ATIME | SetAttributes.MTIME, 0, 0, 0, s.atimeNs(), s.mtimeNs()));
            done = true;
            return u;
        } finally {
            if (!done) {
                discard(u);
            }
        }
    }

    private static void copyContents(Inode from, Inode to, long size) throws ErrnoException {
        KernelBuffer buffer = new KernelBuffer((int) Math.min(size, COPY_BYTES));
        long at = 0;
        while (at < size) {
            if (from.read(buffer.fill(buffer.capacity()), at) <= 0) {
                break;
            }
            buffer.drain();
            while (buffer.remaining() > 0) {
                long n = to.write(buffer, at);
                if (n <= 0) {
                    throw Errno.EIO.exception();
                }
                at += n;
            }
        }
    }

    @GuardedBy("this")
    private void discard(Inode u) throws ErrnoException {
        if (u.isDirectory()) {
            fs.work().removeDirectory(workName, u);
        } else {
            fs.work().unlink(workName, u);
        }
    }

    /** Gives the copy its place; if the name was removed meanwhile it stays without one. */
    @GuardedBy("this")
    private void place(Inode u, Inode upperParent) throws ErrnoException {
        if (removed) {
            discard(u);
            return;
        }
        Stat before = upperParent.stat();
        fs.work().rename(workName, u, upperParent, name, null, false);
        upperParent.setAttributes(new SetAttributes(
                SetAttributes.ATIME | SetAttributes.MTIME, 0, 0, 0, before.atimeNs(), before.mtimeNs()));
    }

    /** The lower file's name is being removed; the caller holds this inode's lock around it and the removal. */
    @GuardedBy("this")
    final void markRemoved() {
        removed = true;
    }

    // ---- uses ----

    @Override
    public final synchronized boolean tryUse() {
        Inode u = upper;
        if (uses == 0 && u != null && !u.tryUse()) {
            return false;
        }
        uses++;
        return true;
    }

    @Override
    public final void unuse() {
        Inode u;
        synchronized (this) {
            uses--;
            u = uses == 0 ? upper : null;
        }
        if (u != null) {
            u.unuse();
        }
    }

    // ---- contents ----

    @Override
    public final byte[] readLink(VfsContext context) throws ErrnoException {
        return real().readLink(context);
    }

    @Override
    public final void prepareWrite(boolean truncate) throws ErrnoException {
        copyUp(!truncate);
    }

    @Override
    public final long read(IoSink sink, long offset) throws ErrnoException {
        return real().read(sink, offset);
    }

    @Override
    public final long write(IoSource source, long offset) throws ErrnoException {
        return copyUp(true).write(source, offset);
    }

    @Override
    public final long append(IoSource source) throws ErrnoException {
        return copyUp(true).append(source);
    }

    @Override
    public final void truncate(long size) throws ErrnoException {
        copyUp(size > 0).truncate(size);
    }

    @Override
    public final void allocate(int mode, long offset, long length) throws ErrnoException {
        copyUp(true).allocate(mode, offset, length);
    }

    @Override
    public final long seekDataOrHole(long offset, boolean hole) throws ErrnoException {
        return real().seekDataOrHole(offset, hole);
    }

    @Override
    public final Mappable mappable() throws ErrnoException {
        return real().mappable();
    }
}
