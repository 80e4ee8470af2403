package dev.stockade.sentry.fs.tmpfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.SetAttributes;
import dev.stockade.sentry.vfs.Stat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What all files of a tmpfs have: attributes, links, uses. The names together hold one use; when the last use goes, so
 * does what the file holds.
 */
abstract class TmpfsInode extends Inode {
    private static final long XATTR_BYTES = 128;
    private static final long DAY_NS = 86_400_000_000_000L;

    final TmpfsFilesystem fs;
    private final long number;
    private final long heapBytes;
    private final AtomicInteger uses = new AtomicInteger();

    /** Guarded by the file system's namespace lock for changes. */
    private final AtomicInteger links = new AtomicInteger();

    private volatile int mode;
    private volatile int uid;
    private volatile int gid;
    private volatile long atimeNs;
    private volatile long mtimeNs;
    private volatile long ctimeNs;

    @GuardedBy("this")
    private @Nullable Map<String, byte[]> xattrs;

    /**
     * @param extraBytes heap that this file costs beyond the usual
     */
    TmpfsInode(TmpfsFilesystem fs, int mode, int uid, int gid, long extraBytes) throws ErrnoException {
        super(fs);
        this.fs = fs;
        this.heapBytes = TmpfsFilesystem.INODE_BYTES + extraBytes;
        fs.chargeInode(heapBytes);
        this.number = fs.nextNumber();
        this.mode = mode;
        this.uid = uid;
        this.gid = gid;
        long now = fs.nowNs();
        this.atimeNs = now;
        this.mtimeNs = now;
        this.ctimeNs = now;
    }

    @Override
    public final long number() {
        return number;
    }

    @Override
    public final int mode() {
        return mode;
    }

    @Override
    public final int uid() {
        return uid;
    }

    @Override
    public final int gid() {
        return gid;
    }

    // ---- links and uses ----

    final int links() {
        return links.get();
    }

    /** One more name. The caller holds the namespace lock (or nobody else knows the file yet). */
    final void link() {
        if (links.getAndIncrement() == 0) {
            uses.incrementAndGet();
        }
    }

    /** Names or subdirectories more or less, not to zero. The caller holds the namespace lock. */
    final void addLinks(int n) {
        links.addAndGet(n);
    }

    /**
     * {@code n} names less. The caller holds the namespace lock and, if this returns true, calls {@link #unuse} after
     * it has let go of it.
     */
    final boolean unlink(int n) {
        return links.addAndGet(-n) == 0;
    }

    @Override
    public final boolean tryUse() {
        for (; ; ) {
            int n = uses.get();
            if (n == 0) {
                return false;
            }
            if (uses.compareAndSet(n, n + 1)) {
                return true;
            }
        }
    }

    @Override
    public final void unuse() {
        int n = uses.decrementAndGet();
        if (n < 0) {
            throw new IllegalStateException("tmpfs file used less than never");
        }
        if (n == 0) {
            evict();
            synchronized (this) {
                if (xattrs != null) {
                    for (Map.Entry<String, byte[]> e : xattrs.entrySet()) {
                        fs.unchargeHeap(xattrBytes(e.getKey(), e.getValue()));
                    }
                    xattrs = null;
                }
            }
            fs.unchargeInode(heapBytes);
        }
    }

    /** The last use is gone: gives the contents back. */
    void evict() {}

    // ---- attributes ----

    long size() {
        return 0;
    }

    /** Units of 512 bytes. */
    long blocks() {
        return 0;
    }

    @Override
    public final Stat stat() {
        return new Stat(
                fs.device(),
                number,
                mode,
                links.get(),
                uid,
                gid,
                rdev(),
                size(),
                TmpfsFilesystem.BLOCK,
                blocks(),
                atimeNs,
                mtimeNs,
                ctimeNs);
    }

    @Override
    public final void setAttributes(SetAttributes a) {
        synchronized (this) {
            if (a.has(SetAttributes.MODE)) {
                mode = (mode & FileMode.S_IFMT) | (a.mode() & FileMode.PERMISSIONS);
            }
            if (a.has(SetAttributes.UID)) {
                uid = a.uid();
            }
            if (a.has(SetAttributes.GID)) {
                gid = a.gid();
            }
            if (a.has(SetAttributes.ATIME)) {
                atimeNs = a.atimeNs();
            }
            if (a.has(SetAttributes.MTIME)) {
                mtimeNs = a.mtimeNs();
            }
            ctimeNs = fs.nowNs();
        }
    }

    /** Contents or entries changed. */
    final void touchModified() {
        long now = fs.nowNs();
        mtimeNs = now;
        ctimeNs = now;
    }

    final void touchChanged() {
        ctimeNs = fs.nowNs();
    }

    /** As mounted with relatime: only if it is older than the last change, or a day old. */
    final void touchAccessed() {
        long a = atimeNs;
        if (a <= mtimeNs || a <= ctimeNs) {
            atimeNs = fs.nowNs();
        } else {
            long now = fs.nowNs();
            if (now - a >= DAY_NS) {
                atimeNs = now;
            }
        }
    }

    // ---- extended attributes ----

    private static long xattrBytes(String name, byte[] value) {
        return XATTR_BYTES + name.length() + value.length;
    }

    @Override
    public final synchronized byte[] getXattr(String name) throws ErrnoException {
        byte[] v = xattrs == null ? null : xattrs.get(name);
        if (v == null) {
            throw Errno.ENODATA.exception();
        }
        return v.clone();
    }

    @Override
    public final synchronized void setXattr(String name, byte[] value, int flags) throws ErrnoException {
        Map<String, byte[]> map = xattrs;
        byte[] old = map == null ? null : map.get(name);
        if ((flags & 1) != 0 && old != null) {
            throw Errno.EEXIST.exception();
        }
        if ((flags & 2) != 0 && old == null) {
            throw Errno.ENODATA.exception();
        }
        fs.chargeHeap(xattrBytes(name, value));
        if (old != null) {
            fs.unchargeHeap(xattrBytes(name, old));
        }
        if (map == null) {
            map = new LinkedHashMap<>();
            xattrs = map;
        }
        map.put(name, value.clone());
        touchChanged();
    }

    @Override
    public final synchronized List<String> listXattrs() {
        return xattrs == null ? List.of() : List.copyOf(xattrs.keySet());
    }

    @Override
    public final synchronized void removeXattr(String name) throws ErrnoException {
        byte[] old = xattrs == null ? null : xattrs.remove(name);
        if (old == null) {
            throw Errno.ENODATA.exception();
        }
        fs.unchargeHeap(xattrBytes(name, old));
        touchChanged();
    }
}
