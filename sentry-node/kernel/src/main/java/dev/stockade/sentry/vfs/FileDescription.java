package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.Waitable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

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

    protected FileDescription(int statusFlags) {
        this.statusFlags = new AtomicInteger(statusFlags);
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
        } else if (n < 0) {
            throw new IllegalStateException("file description released twice");
        }
    }

    /** The last reference is gone. */
    protected abstract void release();

    /** A descriptor of it was closed (close(2), dup2, exit): releases POSIX locks, flushes. */
    public void flush() throws ErrnoException {}

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
