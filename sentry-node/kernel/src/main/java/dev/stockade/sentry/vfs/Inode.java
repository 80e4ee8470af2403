package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A file, whatever its names are. The VFS has checked permissions, read-only mounts and types before it calls one of
 * these; calls that change a directory are serialised per directory by the VFS (the directory dentry's lock). Names
 * passed in are never changed afterwards and may be kept. Thread-safe.
 *
 * <p><b>Use counts.</b> Open files and mappings hold a use ({@link #tryUse}); an inode without names and uses gives
 * back what it holds. <b>Write access</b> (ETXTBSY): files open for writing and programs being executed exclude one
 * another, as Linux's i_writecount does.
 */
public abstract class Inode {
    private final Filesystem filesystem;

    /** Above zero: files open for writing; below: executions that deny it. */
    private final AtomicInteger writeCount = new AtomicInteger();

    /** What a FIFO's or a bound socket's opener keeps here (i_pipe). */
    private final AtomicReference<@Nullable Object> special = new AtomicReference<>();

    /** Record locks and flock(2) locks of this file, if there ever were any. */
    private final AtomicReference<@Nullable FileLocks> locks = new AtomicReference<>();

    /** Where it was opened when it was last mapped, for /proc/pid/maps. */
    private volatile @Nullable VirtualDentry mappedAt;

    protected Inode(Filesystem filesystem) {
        this.filesystem = filesystem;
    }

    public final Filesystem filesystem() {
        return filesystem;
    }

    public abstract long number();

    /** Type and permission bits. */
    public abstract int mode();

    public abstract int uid();

    public abstract int gid();

    public abstract Stat stat() throws ErrnoException;

    /** S_IFMT bits of the mode. */
    public final int type() {
        return mode() & FileMode.S_IFMT;
    }

    public final boolean isDirectory() {
        return type() == FileMode.S_IFDIR;
    }

    public final boolean isRegular() {
        return type() == FileMode.S_IFREG;
    }

    public final boolean isSymlink() {
        return type() == FileMode.S_IFLNK;
    }

    /** Device number of a device node. */
    public long rdev() {
        return 0;
    }

    // ---- directories ----

    /** The file of this name, or null if there is none. Never "." or "..". */
    public @Nullable Inode lookup(byte[] name, VfsContext context) throws ErrnoException {
        throw Errno.ENOTDIR.exception();
    }

    /** A hint: these names, one below the other, are about to be looked up. */
    public void prefetch(List<byte[]> names) {}

    /** A new regular file or special file (mknod(2)); the name is free. */
    public Inode create(byte[] name, int mode, int uid, int gid, long rdev) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    public Inode makeDirectory(byte[] name, int mode, int uid, int gid) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    public Inode makeSymlink(byte[] name, byte[] target, int uid, int gid) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    /** A further name for {@code target}, no directory, of this file system. */
    public void link(byte[] name, Inode target) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    public void unlink(byte[] name, Inode victim) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    /** ENOTEMPTY if it has entries. */
    public void removeDirectory(byte[] name, Inode victim) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    /**
     * Renames {@code moved} to {@code newName} in {@code newDirectory}, over {@code replaced} if there is one (types
     * already fit; a directory that is not empty gives ENOTEMPTY), or exchanges them.
     */
    public void rename(
            byte[] oldName, Inode moved, Inode newDirectory, byte[] newName, @Nullable Inode replaced, boolean exchange)
            throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    /** All entries but "." and "..", in a stable order; the list is not changed afterwards. */
    public List<DirectoryEntry> entries(VfsContext context) throws ErrnoException {
        throw Errno.ENOTDIR.exception();
    }

    // ---- symbolic links ----

    /** The target; EINVAL if this is no symbolic link. Not to be changed. */
    public byte[] readLink(VfsContext context) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    /** Where a magic link of proc(5) leads, or null for an ordinary link. */
    public @Nullable VirtualDentry magicTarget(VfsContext context) throws ErrnoException {
        return null;
    }

    // ---- attributes ----

    public void setAttributes(SetAttributes attributes) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    /**
     * Checks access beyond or instead of the mode bits.
     *
     * @param mask of MAY_EXEC, MAY_WRITE, MAY_READ
     */
    public void checkAccess(VfsContext context, int mask) throws ErrnoException {
        Permissions.check(this, context.credentials(), mask);
    }

    public byte[] getXattr(String name) throws ErrnoException {
        throw Errno.EOPNOTSUPP.exception();
    }

    /**
     * @param flags XATTR_CREATE (1), XATTR_REPLACE (2)
     */
    public void setXattr(String name, byte[] value, int flags) throws ErrnoException {
        throw Errno.EOPNOTSUPP.exception();
    }

    public List<String> listXattrs() throws ErrnoException {
        return List.of();
    }

    public void removeXattr(String name) throws ErrnoException {
        throw Errno.EOPNOTSUPP.exception();
    }

    // ---- opening ----

    /**
     * About to be opened, or changed by path, for writing (copy-up happens here).
     *
     * @param truncate the contents will be dropped at once
     */
    public void prepareWrite(boolean truncate) throws ErrnoException {}

    /**
     * Opens a regular file or a directory. FIFOs, devices and sockets are opened by what is registered for them in the
     * {@link VirtualFilesystem}, and inodes of no type (anonymous files) cannot be opened again.
     */
    public FileDescription open(VfsContext context, VirtualDentry where, int flags) throws ErrnoException {
        return switch (type()) {
            case FileMode.S_IFREG -> new RegularFile(where, this, flags, context);
            case FileMode.S_IFDIR -> new DirectoryFile(where, this, flags, context);
            default -> throw Errno.ENXIO.exception();
        };
    }

    /** Takes a use unless the file is gone for good; false then. */
    public boolean tryUse() {
        return true;
    }

    /** Gives back a use. */
    public void unuse() {}

    // ---- contents of regular files ----

    /** Reads at {@code offset}; 0 at the end of the file. */
    public long read(IoSink sink, long offset) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    public long write(IoSource source, long offset) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    /** Writes at the end of the file, atomically with regard to other writes; returns the end afterwards. */
    public long append(IoSource source) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    public void truncate(long size) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    /** fallocate(2). */
    public void allocate(int mode, long offset, long length) throws ErrnoException {
        throw Errno.EOPNOTSUPP.exception();
    }

    /**
     * SEEK_DATA or SEEK_HOLE of lseek(2).
     *
     * @param offset below the file's size
     */
    public long seekDataOrHole(long offset, boolean hole) throws ErrnoException {
        return hole ? stat().size() : offset;
    }

    public Mappable mappable() throws ErrnoException {
        throw Errno.ENODEV.exception();
    }

    /** Remembers the name under which it is about to be mapped. */
    public final void setMappedAt(VirtualDentry where) {
        mappedAt = where;
    }

    /** {@link Mappable#mappedName} for inodes that are mappable. */
    protected final String mappedPath() {
        VirtualDentry at = mappedAt;
        return at == null ? "" : new String(MountTree.path(at), StandardCharsets.ISO_8859_1);
    }

    // ---- counts and slots ----

    /** Opens for writing; ETXTBSY while it is executed. */
    public final void getWriteAccess() throws ErrnoException {
        for (; ; ) {
            int n = writeCount.get();
            if (n < 0) {
                throw Errno.ETXTBSY.exception();
            }
            if (writeCount.compareAndSet(n, n + 1)) {
                return;
            }
        }
    }

    public final void putWriteAccess() {
        writeCount.decrementAndGet();
    }

    /** An execution of it begins; ETXTBSY while it is open for writing. */
    public final void denyWriteAccess() throws ErrnoException {
        for (; ; ) {
            int n = writeCount.get();
            if (n > 0) {
                throw Errno.ETXTBSY.exception();
            }
            if (writeCount.compareAndSet(n, n - 1)) {
                return;
            }
        }
    }

    public final void allowWriteAccess() {
        writeCount.incrementAndGet();
    }

    /** The slot that the opener of a special file keeps its state in; set once by compare-and-set. */
    public final AtomicReference<@Nullable Object> special() {
        return special;
    }

    /** This file's locks, made on first use. */
    public final FileLocks locks() {
        FileLocks l = locks.get();
        if (l == null) {
            FileLocks made = new FileLocks(filesystem.vfs().heap());
            l = locks.compareAndExchange(null, made);
            if (l == null) {
                l = made;
            }
        }
        return l;
    }

    /** This file's locks if there ever were any. */
    public final @Nullable FileLocks locksIfAny() {
        return locks.get();
    }
}
