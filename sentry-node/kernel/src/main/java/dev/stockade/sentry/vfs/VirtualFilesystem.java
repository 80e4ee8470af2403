package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.memory.KernelHeap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The virtual file system of one sandbox: lookups, opening and reading attributes; what changes files is in
 * {@link #changes()}. Paths are bytes without the terminating NUL. Thread-safe; calls may block for a file system's
 * backing (a gofer) but never for another task's doing.
 */
public final class VirtualFilesystem {
    /** Follow a symbolic link in the last component. */
    public static final int FOLLOW = 1;

    /** An empty path means the start itself (AT_EMPTY_PATH). */
    public static final int EMPTY_PATH = 2;

    /** The result must be a directory. */
    public static final int DIRECTORY = 4;

    /** Dentries that the cache holds if nothing else is said. */
    public static final int DEFAULT_DENTRIES = 16384;

    private final LongSupplier realtimeNs;
    private final KernelHeap heap;
    private final DentryCache dentries;
    private final AtomicInteger nextDevice = new AtomicInteger(20);
    private final AtomicInteger nextMount = new AtomicInteger(20);
    private final AtomicLong nextAnonymousInode = new AtomicLong(1);
    private final Map<String, FilesystemType> types = new ConcurrentHashMap<>();
    private final Map<Long, SpecialFileOpener> characterDevices = new ConcurrentHashMap<>();
    private final Map<Long, SpecialFileOpener> blockDevices = new ConcurrentHashMap<>();
    private volatile @Nullable SpecialFileOpener fifoOpener;
    private final FileChanges changes;
    private final Mount anonymousMount;

    /**
     * @param realtimeNs the wall clock, nanoseconds since the epoch
     * @param heap is charged for what guests make it keep
     * @param maxDentries how many dentries the cache holds
     */
    public VirtualFilesystem(LongSupplier realtimeNs, KernelHeap heap, int maxDentries) {
        this.realtimeNs = realtimeNs;
        this.heap = heap;
        this.dentries = new DentryCache(maxDentries);
        this.changes = new FileChanges(this);
        AnonymousFilesystem anonymous = new AnonymousFilesystem(this);
        this.anonymousMount =
                new Mount(nextMountId(), null, anonymous, anonymous.rootDentry(), "anon_inodefs", 0, null);
    }

    public VirtualFilesystem(LongSupplier realtimeNs, KernelHeap heap) {
        this(realtimeNs, heap, DEFAULT_DENTRIES);
    }

    /** Operations that change files and directories. */
    public FileChanges changes() {
        return changes;
    }

    public KernelHeap heap() {
        return heap;
    }

    public long nowNs() {
        return realtimeNs.getAsLong();
    }

    DentryCache dentries() {
        return dentries;
    }

    int nextMountId() {
        return nextMount.getAndIncrement();
    }

    long allocateDevice() {
        return FileMode.makeDevice(0, nextDevice.getAndIncrement());
    }

    // ---- registries ----

    /** Makes a file system available to mount(2) and /proc/filesystems. */
    public void registerType(FilesystemType type) {
        types.put(type.name(), type);
    }

    public @Nullable FilesystemType type(String name) {
        return types.get(name);
    }

    public Iterable<FilesystemType> types() {
        return types.values();
    }

    public void registerCharacterDevice(int major, int minor, SpecialFileOpener opener) {
        characterDevices.put(FileMode.makeDevice(major, minor), opener);
    }

    public void registerBlockDevice(int major, int minor, SpecialFileOpener opener) {
        blockDevices.put(FileMode.makeDevice(major, minor), opener);
    }

    public void registerFifoOpener(SpecialFileOpener opener) {
        fifoOpener = opener;
    }

    // ---- files without a path ----

    /** A number for an inode of {@link #anonymousLocation}. */
    public long nextAnonymousInode() {
        return nextAnonymousInode.getAndIncrement();
    }

    /** The file system that inodes of pipes and the like belong to. */
    public Filesystem anonymousFilesystem() {
        return anonymousMount.filesystem();
    }

    /**
     * A place for a file that no path leads to.
     *
     * @param name as /proc/pid/fd shows it: "pipe:[7]", "anon_inode:[eventpoll]"
     */
    public VirtualDentry anonymousLocation(byte[] name, Inode inode) {
        return new VirtualDentry(anonymousMount, Dentry.detached(anonymousMount.filesystem(), null, name, inode));
    }

    /**
     * Whoever makes a file description asks first.
     *
     * @throws ErrnoException ENFILE when the sandbox has no room for more
     */
    public void checkFileLimit() throws ErrnoException {
        if (heap.isExhausted()) {
            throw Errno.ENFILE.exception();
        }
    }

    // ---- lookups ----

    /**
     * Resolves a path to an existing file.
     *
     * @param start where a relative path starts; null for the working directory
     * @param flags of {@link #FOLLOW}, {@link #EMPTY_PATH}, {@link #DIRECTORY}
     */
    public VirtualDentry resolve(VfsContext context, @Nullable VirtualDentry start, byte[] path, int flags)
            throws ErrnoException {
        if (path.length == 0 && (flags & EMPTY_PATH) != 0) {
            return start != null ? start : context.cwd();
        }
        VirtualDentry found = new PathWalk(this, context, start, path).resolve((flags & FOLLOW) != 0);
        if ((flags & DIRECTORY) != 0 && !found.dentry().isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        return found;
    }

    /** A directory that the caller may search, for chdir(2) and chroot(2). */
    public VirtualDentry resolveDirectory(VfsContext context, @Nullable VirtualDentry start, byte[] path)
            throws ErrnoException {
        VirtualDentry v = resolve(context, start, path, FOLLOW | DIRECTORY);
        v.dentry().requireInode().checkAccess(context, FileMode.MAY_EXEC);
        return v;
    }

    /** The child of this name, perhaps negative, looked up in the file system if it is not cached. */
    Dentry lookup(Dentry parent, byte[] name, VfsContext context) throws ErrnoException {
        Inode directory = parent.inode();
        if (directory == null || !directory.isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        Filesystem fs = parent.filesystem();
        if (!fs.cachesNames()) {
            return new Dentry(fs, parent, name, directory.lookup(name, context));
        }
        dentries.purge();
        synchronized (parent) {
            return lookupLocked(parent, directory, name, context);
        }
    }

    /** {@link #lookup} by a caller that holds the parent's lock. */
    Dentry lookupLocked(Dentry parent, Inode directory, byte[] name, VfsContext context) throws ErrnoException {
        if (!parent.filesystem().cachesNames()) {
            return new Dentry(parent.filesystem(), parent, name, directory.lookup(name, context));
        }
        Dentry child = parent.findChild(name, 0, name.length, Dentry.hash(name, 0, name.length));
        if (child != null) {
            dentries.revive(child);
            return child;
        }
        if (parent.isDeleted()) {
            throw Errno.ENOENT.exception();
        }
        child = new Dentry(parent.filesystem(), parent, name, directory.lookup(name, context));
        dentries.insert(parent, child);
        return child;
    }

    // ---- reading attributes ----

    public Stat stat(VfsContext context, @Nullable VirtualDentry start, byte[] path, int flags) throws ErrnoException {
        return resolve(context, start, path, flags).dentry().requireInode().stat();
    }

    /** access(2) with the credentials of the context. */
    public void access(VfsContext context, @Nullable VirtualDentry start, byte[] path, int mask, int flags)
            throws ErrnoException {
        VirtualDentry v = resolve(context, start, path, flags);
        if (mask == 0) {
            return;
        }
        Inode inode = v.dentry().requireInode();
        if ((mask & FileMode.MAY_EXEC) != 0 && inode.isRegular() && (v.mount().flags() & Mount.MS_NOEXEC) != 0) {
            throw Errno.EACCES.exception();
        }
        inode.checkAccess(context, mask);
        if ((mask & FileMode.MAY_WRITE) != 0 && v.mount().isReadOnly()) {
            int type = inode.type();
            if (type == FileMode.S_IFREG || type == FileMode.S_IFDIR || type == FileMode.S_IFLNK) {
                throw Errno.EROFS.exception();
            }
        }
    }

    public byte[] readLink(VfsContext context, @Nullable VirtualDentry start, byte[] path) throws ErrnoException {
        VirtualDentry v = resolve(context, start, path, path.length == 0 ? EMPTY_PATH : 0);
        Inode inode = v.dentry().requireInode();
        if (!inode.isSymlink()) {
            throw (path.length == 0 ? Errno.ENOENT : Errno.EINVAL).exception();
        }
        return inode.readLink(context);
    }

    public StatFs statFs(VfsContext context, byte[] path) throws ErrnoException {
        return resolve(context, null, path, FOLLOW).dentry().filesystem().statFs();
    }

    // ---- opening ----

    /**
     * Opens a file (openat(2)). The result may still wait for the other end of a FIFO:
     * {@link FileDescription#pendingOpen}. O_CLOEXEC is the caller's business.
     *
     * @param start where a relative path starts; null for the working directory
     * @param mode permissions of a file that is created, to which the umask applies
     */
    public FileDescription open(VfsContext context, @Nullable VirtualDentry start, byte[] path, int flags, int mode)
            throws ErrnoException {
        checkFileLimit();
        int f = flags & OpenFlags.VALID;
        if ((f & OpenFlags.O_PATH) != 0) {
            f &= OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC;
            VirtualDentry v = resolve(context, start, path, (f & OpenFlags.O_NOFOLLOW) != 0 ? 0 : FOLLOW);
            if ((f & OpenFlags.O_DIRECTORY) != 0 && !v.dentry().isDirectory()) {
                throw Errno.ENOTDIR.exception();
            }
            return new PathFile(v, f & ~OpenFlags.O_CLOEXEC);
        }
        if ((f & 020000000) != 0) {
            // O_TMPFILE: no file system here can do it, and programs fall back.
            throw ((f & OpenFlags.O_TMPFILE) == OpenFlags.O_TMPFILE ? Errno.EOPNOTSUPP : Errno.EINVAL).exception();
        }
        if ((f & OpenFlags.O_CREAT) != 0) {
            if ((f & OpenFlags.O_DIRECTORY) != 0) {
                throw Errno.EINVAL.exception();
            }
            return changes.openOrCreate(context, start, path, f, mode);
        }
        VirtualDentry v = resolve(context, start, path, (f & OpenFlags.O_NOFOLLOW) != 0 ? 0 : FOLLOW);
        return openResolved(context, v, f, false);
    }

    /** Opens what was resolved: another open of the same file, through a mount that is still there. */
    public FileDescription open(VfsContext context, VirtualDentry where, int flags) throws ErrnoException {
        checkFileLimit();
        return openResolved(context, where, flags & OpenFlags.VALID, false);
    }

    /**
     * @param created by this very call: the mode does not restrict it
     */
    FileDescription openResolved(VfsContext context, VirtualDentry where, int flags, boolean created)
            throws ErrnoException {
        Inode inode = where.dentry().requireInode();
        int type = inode.type();
        if ((flags & OpenFlags.O_DIRECTORY) != 0 && type != FileMode.S_IFDIR) {
            throw Errno.ENOTDIR.exception();
        }
        if (type == FileMode.S_IFLNK) {
            throw Errno.ELOOP.exception();
        }
        int access = accessMask(flags);
        boolean truncate = (flags & OpenFlags.O_TRUNC) != 0;
        boolean write = (access & FileMode.MAY_WRITE) != 0;
        if (type == FileMode.S_IFDIR && write) {
            throw Errno.EISDIR.exception();
        }
        if ((type == FileMode.S_IFCHR || type == FileMode.S_IFBLK)
                && (where.mount().flags() & Mount.MS_NODEV) != 0) {
            throw Errno.EACCES.exception();
        }
        if (!created) {
            inode.checkAccess(context, access);
        }
        if (write && (type == FileMode.S_IFREG) && where.mount().isReadOnly()) {
            throw Errno.EROFS.exception();
        }
        if ((flags & OpenFlags.O_NOATIME) != 0 && !Permissions.ownerOrCapable(inode, context.credentials())) {
            throw Errno.EPERM.exception();
        }
        int kept = flags
                & ~(OpenFlags.O_CREAT
                        | OpenFlags.O_EXCL
                        | OpenFlags.O_NOCTTY
                        | OpenFlags.O_TRUNC
                        | OpenFlags.O_CLOEXEC);
        return switch (type) {
            case FileMode.S_IFREG -> openRegular(context, where, inode, kept, write, truncate && !created);
            case FileMode.S_IFIFO -> openSpecial(fifoOpener, context, where, kept);
            case FileMode.S_IFCHR ->
                openSpecial(characterDevices.get(inode.rdev()), context, where, flags & ~OpenFlags.O_CLOEXEC);
            case FileMode.S_IFBLK ->
                openSpecial(blockDevices.get(inode.rdev()), context, where, flags & ~OpenFlags.O_CLOEXEC);
            default -> inode.open(context, where, kept);
        };
    }

    private static FileDescription openRegular(
            VfsContext context, VirtualDentry where, Inode inode, int flags, boolean write, boolean truncate)
            throws ErrnoException {
        // The file's write access goes over to the description; truncation alone borrows it.
        boolean keepsWriteAccess = (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY;
        if (write) {
            inode.getWriteAccess();
        }
        FileDescription file = null;
        try {
            if (write) {
                inode.prepareWrite(truncate);
            }
            file = inode.open(context, where, flags);
            if (truncate) {
                FileChanges.truncateOpened(context, inode, 0);
            }
        } catch (ErrnoException | RuntimeException e) {
            if (file != null) {
                file.decRef();
            }
            if (write && (file == null || !keepsWriteAccess)) {
                inode.putWriteAccess();
            }
            throw e;
        }
        if (write && !keepsWriteAccess) {
            inode.putWriteAccess();
        }
        return file;
    }

    private static FileDescription openSpecial(
            @Nullable SpecialFileOpener opener, VfsContext context, VirtualDentry where, int flags)
            throws ErrnoException {
        if (opener == null) {
            throw Errno.ENXIO.exception();
        }
        return opener.open(context, where, flags);
    }

    /** MAY_READ and MAY_WRITE for open's flags; access mode 3 asks for both. */
    private static int accessMask(int flags) {
        int mask = switch (flags & OpenFlags.O_ACCMODE) {
            case OpenFlags.O_RDONLY -> FileMode.MAY_READ;
            case OpenFlags.O_WRONLY -> FileMode.MAY_WRITE;
            default -> FileMode.MAY_READ | FileMode.MAY_WRITE;
        };
        return (flags & OpenFlags.O_TRUNC) != 0 ? mask | FileMode.MAY_WRITE : mask;
    }

    // ---- naming ----

    /**
     * The path of a place for getcwd(2), with "(unreachable)" before it if it is outside the caller's root.
     *
     * @throws ErrnoException ENOENT if the directory was removed
     */
    public byte[] getcwd(VfsContext context) throws ErrnoException {
        VirtualDentry cwd = context.cwd();
        if (cwd.dentry().isDeleted()) {
            throw Errno.ENOENT.exception();
        }
        byte[] path = MountTree.path(cwd, context.root(), true);
        if (path.length >= PathWalk.PATH_MAX) {
            throw Errno.ENAMETOOLONG.exception();
        }
        return path;
    }

    /** The path of a place as /proc shows it, with " (deleted)" after it if the name was removed. */
    public byte[] path(VirtualDentry of, VirtualDentry root) {
        return MountTree.path(of, root, false);
    }
}
