package dev.stockade.sentry.fs.tmpfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A directory of a tmpfs: its entries in the order in which they were made. */
@SuppressWarnings("GuardedBy") // all directories of a file system have one lock, which the checker takes for several
final class TmpfsDirectory extends TmpfsInode {
    /** What Linux's tmpfs says an entry adds to st_size. */
    private static final int ENTRY_SIZE = 20;

    private static final class Name {
        final byte[] bytes;
        private final int hash;

        Name(byte[] bytes) {
            this.bytes = bytes;
            this.hash = Arrays.hashCode(bytes);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(@Nullable Object o) {
            return o instanceof Name n && n.hash == hash && Arrays.equals(n.bytes, bytes);
        }
    }

    @GuardedBy("fs.namespace")
    private final Map<Name, TmpfsInode> entries = new LinkedHashMap<>(4);

    /** Was removed: nothing may be made in it any more. */
    @GuardedBy("fs.namespace")
    private boolean removed;

    TmpfsDirectory(TmpfsFilesystem fs, int mode, int uid, int gid) throws ErrnoException {
        super(fs, mode, uid, gid, 0);
    }

    /** Its name (for the root: itself) and its ".". Nobody else knows it yet. */
    void linkFirst() {
        link();
        addLinks(1);
    }

    @Override
    long size() {
        synchronized (fs.namespace) {
            return (long) (entries.size() + 2) * ENTRY_SIZE;
        }
    }

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) {
        synchronized (fs.namespace) {
            return entries.get(new Name(name));
        }
    }

    @Override
    public List<DirectoryEntry> entries(VfsContext context) {
        touchAccessed();
        synchronized (fs.namespace) {
            List<DirectoryEntry> list = new ArrayList<>(entries.size());
            for (Map.Entry<Name, TmpfsInode> e : entries.entrySet()) {
                TmpfsInode i = e.getValue();
                list.add(new DirectoryEntry(e.getKey().bytes, i.number(), FileMode.direntType(i.mode())));
            }
            return list;
        }
    }

    // ---- making ----

    @Override
    public Inode create(byte[] name, int mode, int uid, int gid, long rdev) throws ErrnoException {
        TmpfsInode made = (mode & FileMode.S_IFMT) == FileMode.S_IFREG
                ? new TmpfsFile(fs, mode, uid, gid)
                : new TmpfsSpecial(fs, mode, uid, gid, rdev);
        return add(name, made);
    }

    @Override
    public Inode makeDirectory(byte[] name, int mode, int uid, int gid) throws ErrnoException {
        return add(name, new TmpfsDirectory(fs, mode, uid, gid));
    }

    @Override
    public Inode makeSymlink(byte[] name, byte[] target, int uid, int gid) throws ErrnoException {
        return add(name, new TmpfsSymlink(fs, target, uid, gid));
    }

    /** Adds a file that nobody else knows yet, or drops it. */
    private TmpfsInode add(byte[] name, TmpfsInode made) throws ErrnoException {
        if (made instanceof TmpfsDirectory d) {
            d.linkFirst();
        } else {
            made.link();
        }
        try {
            synchronized (fs.namespace) {
                put(name, made);
                if (made.isDirectory()) {
                    addLinks(1);
                }
            }
        } catch (ErrnoException e) {
            made.unuse();
            throw e;
        }
        touchModified();
        return made;
    }

    @GuardedBy("fs.namespace")
    private void put(byte[] name, TmpfsInode inode) throws ErrnoException {
        if (removed) {
            throw Errno.ENOENT.exception();
        }
        fs.chargeHeap(entryBytes(name));
        if (entries.putIfAbsent(new Name(name), inode) != null) {
            fs.unchargeHeap(entryBytes(name));
            throw Errno.EEXIST.exception();
        }
    }

    private static long entryBytes(byte[] name) {
        return TmpfsFilesystem.ENTRY_BYTES + name.length;
    }

    @GuardedBy("fs.namespace")
    private void remove(byte[] name, TmpfsInode expected) throws ErrnoException {
        if (!entries.remove(new Name(name), expected)) {
            throw Errno.ENOENT.exception();
        }
        fs.unchargeHeap(entryBytes(name));
    }

    @Override
    public void link(byte[] name, Inode target) throws ErrnoException {
        TmpfsInode inode = (TmpfsInode) target;
        synchronized (fs.namespace) {
            if (inode.links() == 0) {
                throw Errno.ENOENT.exception();
            }
            put(name, inode);
            inode.link();
        }
        inode.touchChanged();
        touchModified();
    }

    // ---- removing ----

    @Override
    public void unlink(byte[] name, Inode victim) throws ErrnoException {
        TmpfsInode inode = (TmpfsInode) victim;
        boolean last;
        synchronized (fs.namespace) {
            remove(name, inode);
            last = inode.unlink(1);
        }
        inode.touchChanged();
        touchModified();
        if (last) {
            inode.unuse();
        }
    }

    @Override
    public void removeDirectory(byte[] name, Inode victim) throws ErrnoException {
        TmpfsDirectory directory = (TmpfsDirectory) victim;
        synchronized (fs.namespace) {
            directory.checkEmpty();
            remove(name, directory);
            directory.retire();
            addLinks(-1);
        }
        directory.touchChanged();
        touchModified();
        directory.unuse();
    }

    @GuardedBy("fs.namespace")
    private void checkEmpty() throws ErrnoException {
        if (!entries.isEmpty()) {
            throw Errno.ENOTEMPTY.exception();
        }
    }

    /** Loses its name and its ".". */
    @GuardedBy("fs.namespace")
    private void retire() {
        removed = true;
        unlink(2);
    }

    // ---- renaming ----

    @Override
    public void rename(
            byte[] oldName, Inode moved, Inode newDirectory, byte[] newName, @Nullable Inode replaced, boolean exchange)
            throws ErrnoException {
        TmpfsInode inode = (TmpfsInode) moved;
        TmpfsDirectory to = (TmpfsDirectory) newDirectory;
        TmpfsInode target = (TmpfsInode) replaced;
        boolean last = false;
        synchronized (fs.namespace) {
            if (entries.get(new Name(oldName)) != inode || to.entries.get(new Name(newName)) != target) {
                throw Errno.ENOENT.exception();
            }
            if (exchange && target != null) {
                entries.put(new Name(oldName), target);
                to.entries.put(new Name(newName), inode);
                if (this != to && inode.isDirectory() != target.isDirectory()) {
                    addLinks(inode.isDirectory() ? -1 : 1);
                    to.addLinks(inode.isDirectory() ? 1 : -1);
                }
            } else {
                if (target instanceof TmpfsDirectory d) {
                    d.checkEmpty();
                }
                if (target == null) {
                    to.put(newName, inode);
                } else {
                    to.entries.put(new Name(newName), inode);
                }
                remove(oldName, inode);
                if (inode.isDirectory()) {
                    addLinks(-1);
                    to.addLinks(1);
                }
                if (target instanceof TmpfsDirectory d) {
                    d.retire();
                    to.addLinks(-1);
                    last = true;
                } else if (target != null) {
                    last = target.unlink(1);
                }
            }
        }
        inode.touchChanged();
        touchModified();
        if (this != to) {
            to.touchModified();
        }
        if (target != null) {
            target.touchChanged();
            if (last) {
                target.unuse();
            }
        }
    }

    /** Removes everything below this directory and the directory itself. */
    void removeTree() {
        List<TmpfsInode> unused = new ArrayList<>();
        synchronized (fs.namespace) {
            ArrayDeque<TmpfsDirectory> todo = new ArrayDeque<>();
            todo.push(this);
            while (!todo.isEmpty()) {
                TmpfsDirectory d = todo.pop();
                if (d.removed) {
                    continue;
                }
                for (Map.Entry<Name, TmpfsInode> e : d.entries.entrySet()) {
                    fs.unchargeHeap(entryBytes(e.getKey().bytes));
                    if (e.getValue() instanceof TmpfsDirectory below) {
                        todo.push(below);
                    } else if (e.getValue().unlink(1)) {
                        unused.add(e.getValue());
                    }
                }
                d.entries.clear();
                d.removed = true;
                d.unlink(d.links());
                unused.add(d);
            }
        }
        for (TmpfsInode i : unused) {
            i.unuse();
        }
    }
}
