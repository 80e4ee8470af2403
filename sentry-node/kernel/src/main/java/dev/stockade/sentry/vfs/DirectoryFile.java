package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An open directory. It shows the entries as they were when it was first read or last rewound, so positions stay good
 * while the directory changes (POSIX leaves it open whether such changes are seen).
 */
public final class DirectoryFile extends FileDescription {
    private static final byte[] DOT = {'.'};
    private static final byte[] DOT_DOT = {'.', '.'};

    private static final int SEEK_SET = 0;
    private static final int SEEK_CUR = 1;

    /** Heap that an entry of a snapshot costs at most beyond the names, which belong to the file system. */
    private static final int ENTRY_BYTES = 64;

    private final VirtualDentry where;
    private final Inode inode;
    private final VfsContext opener;

    @GuardedBy("this")
    private long position;

    @GuardedBy("this")
    private @Nullable List<DirectoryEntry> snapshot;

    @GuardedBy("this")
    private long charged;

    public DirectoryFile(VirtualDentry where, Inode inode, int flags, VfsContext opener) {
        super(where, flags);
        this.where = where;
        this.inode = inode;
        // Only contents that change by themselves may depend on who looks; a task must not be kept for others.
        this.opener = inode.filesystem().cachesNames() ? opener.withoutTask() : opener;
    }

    @Override
    protected synchronized void release() {
        snapshot = null;
        uncharge();
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        throw Errno.EISDIR.exception();
    }

    @Override
    public long pread(IoSink sink, long offset) throws ErrnoException {
        throw Errno.EISDIR.exception();
    }

    @Override
    public boolean isPollable() {
        return false;
    }

    @Override
    public Stat stat() throws ErrnoException {
        return inode.stat();
    }

    @Override
    public void sync(boolean dataOnly) {}

    @Override
    public synchronized long seek(long offset, int whence) throws ErrnoException {
        long to = switch (whence) {
            case SEEK_SET -> offset;
            case SEEK_CUR -> position + offset;
            default -> throw Errno.EINVAL.exception();
        };
        if (to < 0) {
            throw Errno.EINVAL.exception();
        }
        if (to == 0) {
            snapshot = null;
            uncharge();
        }
        position = to;
        return to;
    }

    @Override
    public synchronized void iterateDirents(DirentCallback callback) throws ErrnoException {
        if (where.dentry().isDeleted()) {
            throw Errno.ENOENT.exception();
        }
        List<DirectoryEntry> entries = snapshot;
        if (entries == null) {
            entries = inode.entries(opener);
            long bytes = (long) entries.size() * ENTRY_BYTES;
            inode.filesystem().vfs().heap().charge(bytes);
            charged = bytes;
            snapshot = entries;
        }
        if (position == 0) {
            if (!callback.accept(DOT, inode.number(), FileMode.DT_DIR, 1)) {
                return;
            }
            position = 1;
        }
        if (position == 1) {
            VirtualDentry parent = MountTree.parent(where);
            if (!callback.accept(DOT_DOT, parent.dentry().requireInode().number(), FileMode.DT_DIR, 2)) {
                return;
            }
            position = 2;
        }
        while (position - 2 < entries.size()) {
            DirectoryEntry e = entries.get((int) (position - 2));
            if (!callback.accept(e.name(), e.ino(), e.type(), position + 1)) {
                return;
            }
            position++;
        }
    }

    @GuardedBy("this")
    private void uncharge() {
        inode.filesystem().vfs().heap().uncharge(charged);
        charged = 0;
    }
}
