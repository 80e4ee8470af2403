package dev.stockade.gofer.session;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.store.OpenImage;
import dev.stockade.gofer.tree.ImageTree;
import dev.stockade.gofer.tree.Inode;
import dev.stockade.gofer.tree.TreeLimits;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A sandbox's view of one image. Every argument comes from a sentry and may be anything; the answer to nonsense is an
 * errno. Thread-safe.
 *
 * <p>The image stays open until the session is closed and the last read of it has ended.
 */
public final class Session {
    private final String id;
    private final String sandboxId;
    private final String peer;
    private final OpenImage image;
    private final HandleTable handles;
    private final SessionLimits limits;
    /** One for the session itself and one for each read under way; the image is closed when it falls to 0. */
    private final AtomicInteger users = new AtomicInteger(1);

    private final AtomicInteger reads = new AtomicInteger();
    private volatile long lastUsedNs;

    Session(
            String id,
            String sandboxId,
            String peer,
            OpenImage image,
            SessionLimits limits,
            AtomicInteger handlesLeft,
            long nowNs)
            throws ErrnoException {
        this.id = id;
        this.sandboxId = sandboxId;
        this.peer = peer;
        this.image = image;
        this.limits = limits;
        this.handles = new HandleTable(limits.handlesPerSession(), handlesLeft);
        this.lastUsedNs = nowNs;
        handles.add(image.tree().root());
    }

    public String id() {
        return id;
    }

    public String sandboxId() {
        return sandboxId;
    }

    String peer() {
        return peer;
    }

    public ImageTree tree() {
        return image.tree();
    }

    public long rootHandle() {
        return HandleTable.ROOT;
    }

    public int handleCount() {
        return handles.size();
    }

    void used(long nowNs) {
        lastUsedNs = nowNs;
    }

    boolean idleSince(long beforeNs) {
        return reads.get() == 0 && lastUsedNs - beforeNs <= 0;
    }

    /**
     * Walks names one below the other. Every name is looked at before the first step: a malformed one walks nothing.
     *
     * @throws ErrnoException EBADF or ESTALE for the handle, EINVAL, ENAMETOOLONG for the names
     */
    public WalkResult walk(long directory, List<byte[]> names) throws ErrnoException {
        if (names.size() > limits.namesPerWalk()) {
            throw new ErrnoException(Errno.EINVAL);
        }
        for (byte[] name : names) {
            checkName(name);
        }
        Inode inode = handles.get(directory);
        List<WalkResult.Node> nodes = new ArrayList<>(names.size());
        for (byte[] name : names) {
            if (!inode.isDirectory()) {
                return new WalkResult(nodes, Errno.ENOTDIR);
            }
            Inode child = inode.child(name);
            if (child == null) {
                return new WalkResult(nodes, Errno.ENOENT);
            }
            try {
                nodes.add(new WalkResult.Node(handles.add(child), child));
            } catch (ErrnoException e) {
                return new WalkResult(nodes, e.errno());
            }
            inode = child;
        }
        return new WalkResult(nodes, Errno.OK);
    }

    private static void checkName(byte[] name) throws ErrnoException {
        if (name.length > TreeLimits.NAME_BYTES) {
            throw new ErrnoException(Errno.ENAMETOOLONG);
        }
        boolean dots = (name.length == 1 && name[0] == '.') || (name.length == 2 && name[0] == '.' && name[1] == '.');
        if (name.length == 0 || dots) {
            throw new ErrnoException(Errno.EINVAL);
        }
        for (byte c : name) {
            if (c == 0 || c == '/') {
                throw new ErrnoException(Errno.EINVAL);
            }
        }
    }

    public Inode stat(long handle) throws ErrnoException {
        return handles.get(handle);
    }

    public byte[] readLink(long handle) throws ErrnoException {
        Inode inode = handles.get(handle);
        if (!inode.isSymlink()) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return inode.target();
    }

    /** The directory itself, to list its children. */
    public Inode readDirectory(long handle) throws ErrnoException {
        Inode inode = handles.get(handle);
        if (!inode.isDirectory()) {
            throw new ErrnoException(Errno.ENOTDIR);
        }
        return inode;
    }

    /**
     * Begins a read; the caller closes it.
     *
     * @param offset as an unsigned number came over the wire: beyond 2^63 it is negative here
     * @throws ErrnoException EINVAL for offset, length or type, EISDIR, EAGAIN when too many reads are under way,
     *     ENFILE when too many files are open, EIO when the store is damaged
     */
    FileRead read(long handle, long offset, long length) throws ErrnoException {
        if (offset < 0 || length < 0 || length > limits.readBytes()) {
            throw new ErrnoException(Errno.EINVAL);
        }
        Inode inode = handles.get(handle);
        if (reads.incrementAndGet() > limits.readsPerSession()) {
            reads.decrementAndGet();
            throw new ErrnoException(Errno.EAGAIN);
        }
        if (users.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) {
            reads.decrementAndGet();
            throw new ErrnoException(Errno.ESTALE);
        }
        try {
            return new FileRead(
                    this, image.openContent(inode), offset, Math.min(length, Math.max(0, inode.size() - offset)));
        } catch (ErrnoException e) {
            endRead();
            throw e;
        }
    }

    void endRead() {
        reads.decrementAndGet();
        leave();
    }

    private void leave() {
        if (users.decrementAndGet() == 0) {
            image.close();
        }
    }

    public void release(Iterable<Long> released) {
        handles.release(released);
    }

    /** To be called once, by {@link Sessions}. */
    void close() {
        handles.close();
        leave();
    }
}
