package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.Waitable;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * An open file description (open(2)): what descriptors of several tasks may share. Operations never block: one that
 * would throws EAGAIN, and the caller waits with {@link #register} and tries again. Thread-safe.
 *
 * <p>Created with one reference; {@link #release} runs when the last is dropped.
 */
public abstract class FileDescription implements Waitable {
    /** O_* status flags that fcntl(F_GETFL) shows: access mode, O_APPEND, O_NONBLOCK, ... */
    private final AtomicInteger statusFlags;

    private final AtomicLong references = new AtomicLong(1);
    private final @Nullable VirtualDentry location;

    @GuardedBy("references")
    private @Nullable List<Runnable> releaseListeners;

    /** What F_SETOWN, F_SETSIG keep; no signal is sent for them yet. */
    private volatile int owner;

    /** A file that no path leads to. */
    protected FileDescription(int statusFlags) {
        this(null, statusFlags);
    }

    /**
     * @param location where it was opened; for pipes and the like a place in a mount of their own, see
     *     {@link VirtualFilesystem#anonymousLocation}
     */
    protected FileDescription(@Nullable VirtualDentry location, int statusFlags) {
        this.location = location;
        this.statusFlags = new AtomicInteger(statusFlags);
        if (location != null) {
            location.mount().fileOpened();
        }
    }

    /** Where it was opened; null for a file that no path leads to. */
    public final @Nullable VirtualDentry location() {
        return location;
    }

    /** The file itself; null for a file that no path leads to. */
    public final @Nullable Inode inode() {
        return location == null ? null : location.dentry().inode();
    }

    /** Whether it was opened for reading; read(2) gives EBADF otherwise. */
    public final boolean isReadable() {
        int flags = statusFlags();
        int mode = flags & OpenFlags.O_ACCMODE;
        return (flags & OpenFlags.O_PATH) == 0 && (mode == OpenFlags.O_RDONLY || mode == OpenFlags.O_RDWR);
    }

    public final boolean isWritable() {
        int flags = statusFlags();
        int mode = flags & OpenFlags.O_ACCMODE;
        return (flags & OpenFlags.O_PATH) == 0 && (mode == OpenFlags.O_WRONLY || mode == OpenFlags.O_RDWR);
    }

    /** Whether it was opened with O_PATH: it names a place and allows nothing else. */
    public final boolean isPath() {
        return (statusFlags() & OpenFlags.O_PATH) != 0;
    }

    public final boolean isNonblocking() {
        return (statusFlags() & OpenFlags.O_NONBLOCK) != 0;
    }

    /** F_GETOWN. */
    public final int owner() {
        return owner;
    }

    public final void setOwner(int owner) {
        this.owner = owner;
    }

    /** Whether it can be waited for at all (epoll(7) refuses what is always ready). */
    public boolean isPollable() {
        return true;
    }

    /** Runs {@code listener} once when the last reference is dropped, after the file has released what it held. */
    public final void addReleaseListener(Runnable listener) {
        synchronized (references) {
            if (releaseListeners == null) {
                releaseListeners = new ArrayList<>(2);
            }
            releaseListeners.add(listener);
        }
    }

    public final void removeReleaseListener(Runnable listener) {
        synchronized (references) {
            if (releaseListeners != null) {
                releaseListeners.remove(listener);
            }
        }
    }

    private void tellReleased() {
        List<Runnable> told;
        synchronized (references) {
            told = releaseListeners;
            releaseListeners = null;
        }
        if (told != null) {
            told.forEach(Runnable::run);
        }
    }

    /**
     * What open(2) must still wait for (the other end of a FIFO), or null when it is complete. The caller waits until
     * this is null, or drops its reference if it is interrupted.
     */
    public @Nullable Waitable pendingOpen() throws ErrnoException {
        return null;
    }

    public final int statusFlags() {
        return statusFlags.get();
    }

    public final void setStatusFlags(int flags) {
        statusFlags.set(flags);
    }

    /** Takes a reference unless the last is already gone; false then. */
    public final boolean tryIncRef() {
        for (; ; ) {
            long n = references.get();
            if (n == 0) {
                return false;
            }
            if (references.compareAndSet(n, n + 1)) {
                return true;
            }
        }
    }

    /** Takes a reference; the caller already holds one. */
    public final void incRef() {
        if (!tryIncRef()) {
            throw new IllegalStateException("file description already released");
        }
    }

    /** Drops a reference; the last one releases the file. */
    public final void decRef() {
        long n = references.decrementAndGet();
        if (n == 0) {
            release();
            tellReleased();
            if (location != null) {
                Inode inode = location.dentry().inode();
                FileLocks locks = inode == null ? null : inode.locksIfAny();
                if (locks != null) {
                    locks.unlock(this, 0, Long.MAX_VALUE);
                    locks.unflock(this);
                }
                location.mount().fileClosed();
            }
        } else if (n < 0) {
            throw new IllegalStateException("file description released twice");
        }
    }

    /** The last reference is gone. */
    protected abstract void release();

    /** A descriptor of it was closed (close(2), dup2, exit). */
    public void flush() throws ErrnoException {}

    /**
     * A descriptor of it was closed by this owner of POSIX record locks (the process's descriptor table): they go.
     */
    public final void releaseRecordLocks(Object lockOwner) {
        Inode inode = inode();
        FileLocks locks = inode == null ? null : inode.locksIfAny();
        if (locks != null) {
            locks.unlock(lockOwner, 0, Long.MAX_VALUE);
        }
    }

    /** Reads at the file position (or from a stream). 0 is end of file; EAGAIN would block. */
    public long read(IoSink sink) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    public long write(IoSource source) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    public long pread(IoSink sink, long offset) throws ErrnoException {
        throw Errno.ESPIPE.exception();
    }

    public long pwrite(IoSource source, long offset) throws ErrnoException {
        throw Errno.ESPIPE.exception();
    }

    /** lseek(2); returns the new position. */
    public long seek(long offset, int whence) throws ErrnoException {
        throw Errno.ESPIPE.exception();
    }

    /** Attributes (fstat(2)). */
    public abstract Stat stat() throws ErrnoException;

    /**
     * Calls {@code callback} for entries from the current position, "." and ".." first, until it returns false;
     * that entry is seen again next time.
     */
    public void iterateDirents(DirentCallback callback) throws ErrnoException {
        throw Errno.ENOTDIR.exception();
    }

    /** ioctl(2); guest memory is reached through {@code memory}. */
    public long ioctl(int request, long argument, IoctlContext context) throws ErrnoException {
        throw Errno.ENOTTY.exception();
    }

    public void truncate(long size) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    public void allocate(int mode, long offset, long length) throws ErrnoException {
        throw Errno.ENODEV.exception();
    }

    public void sync(boolean dataOnly) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    /** What mmap maps; ENODEV if the file can't be mapped. */
    public Mappable mappable() throws ErrnoException {
        throw Errno.ENODEV.exception();
    }

    /** Files without poll support are always ready (poll(2)). */
    @Override
    public int readiness(int mask) {
        return mask & (0x1 | 0x4 | 0x40 | 0x100);
    }

    @Override
    public void register(WaitEntry entry, int mask) {}

    @Override
    public void unregister(WaitEntry entry) {}
}
