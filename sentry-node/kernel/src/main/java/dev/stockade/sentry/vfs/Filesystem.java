package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.LazyInit;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** An instance of a file system (Linux's super block). Thread-safe. */
public abstract class Filesystem {
    private final VirtualFilesystem vfs;
    private final String type;
    private final long device;

    /** Serialises renames that move between directories, so that no directory ends up below itself. */
    final ReentrantLock renameLock = new ReentrantLock();

    private final AtomicInteger users = new AtomicInteger();

    @LazyInit
    private volatile @Nullable Dentry rootDentry;

    /**
     * @param type its name in /proc/filesystems
     */
    protected Filesystem(VirtualFilesystem vfs, String type) {
        this.vfs = vfs;
        this.type = type;
        this.device = vfs.allocateDevice();
    }

    public final VirtualFilesystem vfs() {
        return vfs;
    }

    public final String type() {
        return type;
    }

    /** st_dev of its files. */
    public final long device() {
        return device;
    }

    /** The root directory; the same each time. */
    public abstract Inode root();

    public final Dentry rootDentry() {
        Dentry d = rootDentry;
        if (d == null) {
            synchronized (this) {
                d = rootDentry;
                if (d == null) {
                    d = new Dentry(this, null, new byte[] {'/'}, root());
                    rootDentry = d;
                }
            }
        }
        return d;
    }

    public abstract StatFs statFs() throws ErrnoException;

    /** Whether nothing in it can ever be changed (EROFS). */
    public boolean isReadOnly() {
        return false;
    }

    /**
     * Whether names, once looked up, stay as they are until changed through the VFS. False for file systems whose
     * contents change by themselves (proc): their names are looked up each time.
     */
    public boolean cachesNames() {
        return true;
    }

    /** Options for /proc/mounts, beginning with a comma if there are any. */
    public String options() {
        return "";
    }

    /** Wall clock for time stamps, nanoseconds since the epoch. */
    public final long nowNs() {
        return vfs.nowNs();
    }

    /** A mount or an open file begins to use it. */
    final void use() {
        users.incrementAndGet();
    }

    /** The last use closes it. */
    final void unuse() {
        if (users.decrementAndGet() == 0) {
            close();
        }
    }

    /** No mount and no open file is left, or the sandbox ends: gives everything back. Idempotent. */
    public void close() {}
}
