package dev.stockade.gofer.host;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Owns one file descriptor of this process and closes it exactly once. Calls hold {@link #inUse} while they use the
 * number, so that no close in between can make it another file's.
 */
abstract sealed class HostFd implements AutoCloseable permits HostDirectory, HostFile {
    private static final AtomicInteger OPEN = new AtomicInteger();

    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_BYTES = 256;
    private static final byte[] EMPTY_PATH = {0};

    private final ReentrantReadWriteLock mu = new ReentrantReadWriteLock();

    @GuardedBy("mu")
    private int fd;

    HostFd(int fd) {
        this.fd = fd;
        OPEN.incrementAndGet();
    }

    /** To be held around {@link #fd} and every use of what it returns. */
    final Lock inUse() {
        return mu.readLock();
    }

    /** How many descriptors this package holds open in this process. */
    static int openCount() {
        return OPEN.get();
    }

    /** The open descriptor; only while {@link #inUse} is held. */
    final int fd() throws ErrnoException {
        if (fd < 0) {
            throw new ErrnoException(Errno.EBADF, "closed");
        }
        return fd;
    }

    /** Type, size and inode of an open descriptor, also of an O_PATH one. */
    static HostStat statOf(int fd) throws ErrnoException {
        byte[] statx = new byte[STATX_BYTES];
        // SAFETY: the empty path is NUL-terminated and statx is as large as struct statx; jnr copies both, nothing
        // outlives the call. Any thread; errno is read at once on this one.
        if (LibC.INSTANCE.statx(fd, EMPTY_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, statx) < 0) {
            throw new ErrnoException(Errno.of(LibC.errno()), "statx");
        }
        ByteBuffer b = ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder());
        return new HostStat(b.getShort(28) & 0xffff, b.getLong(32), b.getLong(40));
    }

    static void closeFd(int fd) {
        // SAFETY: the caller owns the descriptor and gives it up; Linux frees it even when close fails.
        LibC.INSTANCE.close(fd);
    }

    @Override
    public final void close() {
        mu.writeLock().lock();
        try {
            if (fd >= 0) {
                OPEN.decrementAndGet();
                closeFd(fd);
                fd = -1;
            }
        } finally {
            mu.writeLock().unlock();
        }
    }
}
