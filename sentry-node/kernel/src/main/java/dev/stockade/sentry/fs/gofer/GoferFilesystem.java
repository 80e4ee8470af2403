package dev.stockade.sentry.fs.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.StatFs;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A read-only file tree behind a {@link GoferClient}. The tree never changes, so nothing that was learned is ever asked
 * again while it is kept: inodes as long as somebody knows them (their handles are released when the collector has taken
 * them), walked names in a small table that lets one round trip serve the lookups of a whole path, contents in the
 * sandbox's frames until those are wanted for something else.
 *
 * <p>Locks, within those of {@code vfs}: the table's lock (never across a call of the client); a file's fetch lock
 * (across one), then its page lock.
 */
public final class GoferFilesystem extends Filesystem {
    /** Names that the table of walked names holds. */
    private static final int WALKED_NAMES = 4096;

    /** Files that are the same have the same of all these; one gofer tree may span file systems of its host. */
    private record Identity(long ino, int mode, long size, long mtimeNs, long ctimeNs) {}

    /** What is left of an inode after the collector took it. */
    private static final class InodeReference extends WeakReference<GoferInode> {
        final Identity identity;
        final long handle;
        final GoferPages pages;

        InodeReference(Identity identity, GoferInode inode, ReferenceQueue<GoferInode> queue) {
            super(inode, queue);
            this.identity = identity;
            this.handle = inode.handle();
            this.pages = inode.pages();
        }
    }

    /** A name in a directory. */
    private static final class WalkedName {
        private final GoferInode directory;
        private final byte[] name;
        private final int hash;

        WalkedName(GoferInode directory, byte[] name) {
            this.directory = directory;
            this.name = name;
            this.hash = Arrays.hashCode(name) * 31 + Long.hashCode(directory.handle());
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(@Nullable Object o) {
            return o instanceof WalkedName w && w.directory == directory && Arrays.equals(w.name, name);
        }
    }

    private final GoferClient client;
    private final FrameAllocator frames;
    private final PageReclaimer reclaimer;
    private final GoferInode root;
    private final ReferenceQueue<GoferInode> collected = new ReferenceQueue<>();
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<Identity, InodeReference> inodes = new HashMap<>();

    /** The value is the file, or this file system for a name that does not exist. Least recently used first. */
    @GuardedBy("lock")
    private final Map<WalkedName, Object> walked = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<WalkedName, Object> eldest) {
            return size() > WALKED_NAMES;
        }
    };

    /** Takes the client over: {@link #close} closes it. */
    public GoferFilesystem(VirtualFilesystem vfs, FrameAllocator frames, GoferClient client) {
        super(vfs, "gofer");
        this.client = client;
        this.frames = frames;
        this.reclaimer = new PageReclaimer();
        frames.addReclaimer(reclaimer);
        GoferNode node = client.root();
        this.root = new GoferInode(this, node);
    }

    GoferClient client() {
        return client;
    }

    FrameAllocator frames() {
        return frames;
    }

    PageReclaimer reclaimer() {
        return reclaimer;
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public boolean isReadOnly() {
        return true;
    }

    @Override
    public StatFs statFs() throws ErrnoException {
        GoferStatFs s = client.statFs(root.handle());
        return new StatFs(
                s.type(),
                s.blockSize(),
                s.blocks(),
                s.blocksFree(),
                s.blocksFree(),
                s.files(),
                s.filesFree(),
                s.nameLength());
    }

    @Override
    public void close() {
        synchronized (lock) {
            walked.clear();
        }
        reclaimer.close();
        client.close();
    }

    /** The file of this name, or null. */
    @Nullable
    GoferInode lookup(GoferInode directory, byte[] name) throws ErrnoException {
        Object known = walkedTo(directory, name);
        if (known == null) {
            walk(directory, List.of(name));
            known = walkedTo(directory, name);
            if (known == null) {
                throw Errno.EIO.exception();
            }
        }
        return known instanceof GoferInode i ? i : null;
    }

    /** Asks for all of these names that are not known yet in one round trip. */
    void prefetch(GoferInode directory, List<byte[]> names) throws ErrnoException {
        GoferInode at = directory;
        for (int i = 0; i < names.size(); i++) {
            Object known = walkedTo(at, names.get(i));
            if (known == null) {
                walk(at, names.subList(i, names.size()));
                return;
            }
            if (!(known instanceof GoferInode next) || !next.isDirectory()) {
                return;
            }
            at = next;
        }
    }

    private @Nullable Object walkedTo(GoferInode directory, byte[] name) {
        synchronized (lock) {
            return walked.get(new WalkedName(directory, name));
        }
    }

    private void walk(GoferInode directory, List<byte[]> names) throws ErrnoException {
        releaseCollected();
        GoferWalk result = client.walk(directory.handle(), names);
        GoferInode at = directory;
        int i = 0;
        synchronized (lock) {
            for (GoferNode node : result.nodes()) {
                GoferInode inode = intern(node);
                walked.put(new WalkedName(at, names.get(i)), inode);
                at = inode;
                i++;
            }
            if (i < names.size() && result.error() == Errno.ENOENT) {
                walked.put(new WalkedName(at, names.get(i)), this);
                i++;
            }
        }
        Errno error = result.error();
        if (i == 0 && error != null) {
            throw error.exception();
        }
    }

    /** The one inode of a file, whatever names lead to it. */
    @GuardedBy("lock")
    private GoferInode intern(GoferNode node) {
        GoferAttr a = node.attr();
        Identity identity = new Identity(a.ino(), a.mode(), a.size(), a.mtimeNs(), a.ctimeNs());
        InodeReference r = inodes.get(identity);
        GoferInode inode = r == null ? null : r.get();
        if (inode != null) {
            client.release(node.handle());
            return inode;
        }
        inode = new GoferInode(this, node);
        inodes.put(identity, new InodeReference(identity, inode, collected));
        return inode;
    }

    /** Gives back what inodes held that nobody knows any more. */
    private void releaseCollected() {
        for (; ; ) {
            Reference<? extends GoferInode> r = collected.poll();
            if (r == null) {
                return;
            }
            InodeReference gone = (InodeReference) r;
            synchronized (lock) {
                inodes.remove(gone.identity, gone);
            }
            gone.pages.close();
            client.release(gone.handle);
        }
    }
}
