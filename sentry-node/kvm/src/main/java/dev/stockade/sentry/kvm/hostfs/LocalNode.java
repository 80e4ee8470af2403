package dev.stockade.sentry.kvm.hostfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A file of the host that was walked to. Holds an O_PATH descriptor and, once it was read, one for reading; both may be
 * closed at any time between uses and are opened again by name, and then it must still be the same file.
 */
final class LocalNode {
    /** Null for the root, which is never closed before the client is. */
    private final @Nullable LocalNode parent;

    private final byte[] name;
    private final long device;
    private final long ino;
    /** A directory of a file system that tells of the host itself, such as /proc: seen from here it is empty. */
    private final boolean hidden;

    private final ReentrantLock mu = new ReentrantLock();

    @GuardedBy("mu")
    private int path = -1;

    @GuardedBy("mu")
    private int reading = -1;

    @GuardedBy("mu")
    private boolean closed;

    LocalNode(@Nullable LocalNode parent, byte[] name, int path, long device, long ino, boolean hidden) {
        this.parent = parent;
        this.name = name;
        this.path = path;
        this.device = device;
        this.ino = ino;
        this.hidden = hidden;
    }

    /** Something done with a descriptor while it stays open. */
    interface Use<R> {
        R with(int fd) throws ErrnoException;
    }

    boolean hidden() {
        return hidden;
    }

    long device() {
        return device;
    }

    /** Uses the O_PATH descriptor. Locks go from child to parent. */
    <R> R usePath(Use<R> use) throws ErrnoException {
        mu.lock();
        try {
            return use.with(path());
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private int path() throws ErrnoException {
        if (closed) {
            throw Errno.EBADF.exception();
        }
        if (path < 0) {
            LocalNode above = parent;
            if (above == null) {
                throw Errno.EIO.exception();
            }
            path = above.usePathOfAncestor(fd -> {
                int opened = HostFsCalls.openEntry(fd, name);
                HostAttributes now;
                try {
                    now = HostFsCalls.statx(opened);
                } catch (ErrnoException e) {
                    HostFsCalls.close(opened);
                    throw e;
                }
                if (now.device() != device || now.attr().ino() != ino) {
                    HostFsCalls.close(opened);
                    throw Errno.ESTALE.exception();
                }
                return opened;
            });
        }
        return path;
    }

    /** As {@link #usePath}, but a released ancestor is opened for the moment. */
    private <R> R usePathOfAncestor(Use<R> use) throws ErrnoException {
        mu.lock();
        try {
            if (!closed) {
                return use.with(path());
            }
        } finally {
            mu.unlock();
        }
        LocalNode above = parent;
        if (above == null) {
            throw Errno.EIO.exception();
        }
        LocalNode again = new LocalNode(above, name, -1, device, ino, hidden);
        try {
            return again.usePath(use);
        } finally {
            again.close();
        }
    }

    /** Uses a descriptor for reading; the caller has checked that this is a regular file. */
    <R> R useForReading(Use<R> use) throws ErrnoException {
        mu.lock();
        try {
            if (closed) {
                throw Errno.EBADF.exception();
            }
            if (reading < 0) {
                reading = HostFsCalls.openForReading(path());
            }
            return use.with(reading);
        } finally {
            mu.unlock();
        }
    }

    /** Closes what can be opened again, unless it is in use at this moment. */
    void closeDescriptorsIfUnused() {
        if (parent != null && mu.tryLock()) {
            try {
                closeDescriptors();
            } finally {
                mu.unlock();
            }
        }
    }

    @GuardedBy("mu")
    private void closeDescriptors() {
        if (path >= 0) {
            HostFsCalls.close(path);
            path = -1;
        }
        if (reading >= 0) {
            HostFsCalls.close(reading);
            reading = -1;
        }
    }

    void close() {
        mu.lock();
        try {
            closed = true;
            closeDescriptors();
        } finally {
            mu.unlock();
        }
    }
}
