package dev.stockade.gofer.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.tree.Inode;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The handles of a session: numbers from 1 on, never used twice. The first is the root's and stays.
 *
 * <p>A handle holds no descriptor: it names a node of an immutable tree, whose content is opened when it is read.
 */
final class HandleTable {
    static final long ROOT = 1;

    private final int limit;
    /** Shared by all tables of a node. */
    private final AtomicInteger left;

    private final ReentrantLock mu = new ReentrantLock();

    @GuardedBy("mu")
    private final Map<Long, Inode> inodes = new HashMap<>();

    @GuardedBy("mu")
    private long next = ROOT;

    @GuardedBy("mu")
    private boolean closed;

    HandleTable(int limit, AtomicInteger left) {
        this.limit = limit;
        this.left = left;
    }

    /** Gives a new handle; ENFILE when this session or the node has too many. */
    long add(Inode inode) throws ErrnoException {
        mu.lock();
        try {
            if (closed) {
                throw new ErrnoException(Errno.ESTALE);
            }
            if (inodes.size() >= limit) {
                throw new ErrnoException(Errno.ENFILE);
            }
            if (left.getAndUpdate(n -> Math.max(0, n - 1)) <= 0) {
                throw new ErrnoException(Errno.ENFILE);
            }
            long handle = next++;
            inodes.put(handle, inode);
            return handle;
        } finally {
            mu.unlock();
        }
    }

    Inode get(long handle) throws ErrnoException {
        mu.lock();
        try {
            Inode inode = inodes.get(handle);
            if (inode == null) {
                throw new ErrnoException(closed ? Errno.ESTALE : Errno.EBADF);
            }
            return inode;
        } finally {
            mu.unlock();
        }
    }

    /** Takes handles back; the root's and unknown ones are left as they are. */
    void release(Iterable<Long> handles) {
        mu.lock();
        try {
            for (Long handle : handles) {
                if (handle != ROOT && inodes.remove(handle) != null) {
                    left.incrementAndGet();
                }
            }
        } finally {
            mu.unlock();
        }
    }

    int size() {
        mu.lock();
        try {
            return inodes.size();
        } finally {
            mu.unlock();
        }
    }

    void close() {
        mu.lock();
        try {
            closed = true;
            left.addAndGet(inodes.size());
            inodes.clear();
        } finally {
            mu.unlock();
        }
    }
}
