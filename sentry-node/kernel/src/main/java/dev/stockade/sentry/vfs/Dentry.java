package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A name in a file system's tree and the file it names, or the knowledge that no file has it (a negative dentry).
 *
 * <p>Lookups of cached names take no lock: a directory's children stand in a hash table whose chains may be read while
 * they change; a reader that finds nothing looks again under the directory's lock (this object's monitor), which every
 * change of the table needs.
 *
 * <p>There is no reference count. The {@link DentryCache} decides which dentries the tables hold strongly; the others
 * are held weakly, so that one that is still in use (as somebody's working directory, open file or mount point, or as
 * the parent of such) is found again under its name, and the collector takes the rest.
 */
public final class Dentry {
    /** Where the dentry hangs; replaced as a whole by a rename. */
    private record Place(@Nullable Dentry parent, byte[] name, int hash) {}

    /** A child's entry in its parent's table. */
    static final class Node extends WeakReference<Dentry> {
        private final Dentry parent;
        private final int hash;
        private volatile @Nullable Node next;

        /** Non-null while the cache keeps the dentry. */
        private volatile @Nullable Dentry strong;

        Node(Dentry parent, Dentry child, int hash, ReferenceQueue<Dentry> queue) {
            super(child, queue);
            this.parent = parent;
            this.hash = hash;
            this.strong = child;
        }

        void weaken() {
            strong = null;
        }

        void strengthen(Dentry child) {
            strong = child;
        }

        boolean isStrong() {
            return strong != null;
        }

        Dentry parent() {
            return parent;
        }
    }

    private final Filesystem filesystem;
    private volatile Place place;
    private volatile @Nullable Inode inode;

    /** The name was removed, or another file has it now. */
    private volatile boolean unhashed;

    /** How many mounts stand on this dentry, in whatever namespaces. */
    private final AtomicInteger mounts = new AtomicInteger();

    /** Length is a power of two. Replaced and changed only under this dentry's lock. */
    private volatile @Nullable AtomicReferenceArray<@Nullable Node> children;

    @GuardedBy("this")
    private int childCount;

    /** This dentry's entry in its parent's table. Guarded by the parent's lock. */
    private volatile @Nullable Node node;

    // The cache's list; guarded by the cache's lock.
    @Nullable
    Dentry cachePrevious;

    @Nullable
    Dentry cacheNext;

    boolean cached;

    /** Was used since the cache last looked at it; racy on purpose. */
    boolean referenced;

    Dentry(Filesystem filesystem, @Nullable Dentry parent, byte[] name, @Nullable Inode inode) {
        this.filesystem = filesystem;
        this.place = new Place(parent, name, hash(name, 0, name.length));
        this.inode = inode;
    }

    /** A dentry that is in no table: for names that are looked up each time, and for files without a name. */
    public static Dentry detached(Filesystem filesystem, @Nullable Dentry parent, byte[] name, Inode inode) {
        return new Dentry(filesystem, parent, name, inode);
    }

    public Filesystem filesystem() {
        return filesystem;
    }

    /** Null for the root of its file system. */
    public @Nullable Dentry parent() {
        return place.parent;
    }

    /** Not to be changed. */
    public byte[] name() {
        return place.name;
    }

    /** The file; null if the dentry is negative. */
    public @Nullable Inode inode() {
        return inode;
    }

    /** The file of a dentry that is known to be positive (anything that was opened or resolved is). */
    public Inode requireInode() {
        Inode i = inode;
        if (i == null) {
            throw new IllegalStateException("negative dentry");
        }
        return i;
    }

    boolean isNegative() {
        return inode == null;
    }

    /** Whether the name was removed (" (deleted)" in /proc). */
    public boolean isDeleted() {
        return unhashed;
    }

    public boolean isDirectory() {
        Inode i = inode;
        return i != null && i.isDirectory();
    }

    boolean isMountpoint() {
        return mounts.get() > 0;
    }

    void addMount(int n) {
        mounts.addAndGet(n);
    }

    static int hash(byte[] b, int from, int to) {
        int h = 0;
        for (int i = from; i < to; i++) {
            h = h * 31 + b[i];
        }
        return spread(h);
    }

    static int spread(int h) {
        h *= 0x9e3779b9;
        return h ^ (h >>> 16);
    }

    // ---- children ----

    /** The cached child of this name without any lock; null: look under the lock. */
    @Nullable
    Dentry findChild(byte[] path, int from, int to, int hash) {
        AtomicReferenceArray<@Nullable Node> table = children;
        if (table == null) {
            return null;
        }
        for (Node n = table.get(hash & (table.length() - 1)); n != null; n = n.next) {
            if (n.hash == hash) {
                Dentry d = n.strong;
                if (d == null) {
                    d = n.get();
                    if (d == null) {
                        continue;
                    }
                }
                if (d.isNamed(this, path, from, to)) {
                    if (!d.referenced) {
                        d.referenced = true;
                    }
                    return d;
                }
            }
        }
        return null;
    }

    private boolean isNamed(Dentry parent, byte[] path, int from, int to) {
        Place p = place;
        return p.parent == parent && !unhashed && Arrays.equals(p.name, 0, p.name.length, path, from, to);
    }

    /** Whether the child's entry is held only weakly, so the cache should learn of its use. */
    boolean isWeak() {
        Node n = node;
        return n != null && !n.isStrong();
    }

    @Nullable
    Node node() {
        return node;
    }

    /** Puts a dentry that hangs here into the table. The caller holds this dentry's lock. */
    @GuardedBy("this")
    void insertChild(Dentry child, ReferenceQueue<Dentry> queue) {
        AtomicReferenceArray<@Nullable Node> table = children;
        if (table == null) {
            table = new AtomicReferenceArray<>(8);
            children = table;
        } else if (childCount >= table.length() && table.length() < 1 << 20) {
            table = grow(table);
        }
        Node n = new Node(this, child, child.place.hash, queue);
        int bucket = n.hash & (table.length() - 1);
        n.next = table.get(bucket);
        child.node = n;
        table.set(bucket, n);
        childCount++;
    }

    /** Readers of the old table may miss entries meanwhile, and then look under the lock. */
    @GuardedBy("this")
    private AtomicReferenceArray<@Nullable Node> grow(AtomicReferenceArray<@Nullable Node> old) {
        AtomicReferenceArray<@Nullable Node> table = new AtomicReferenceArray<>(old.length() * 2);
        for (int i = 0; i < old.length(); i++) {
            Node n = old.get(i);
            while (n != null) {
                Node next = n.next;
                if (n.refersTo(null)) {
                    childCount--;
                } else {
                    int bucket = n.hash & (table.length() - 1);
                    n.next = table.get(bucket);
                    table.set(bucket, n);
                }
                n = next;
            }
        }
        children = table;
        return table;
    }

    /** Takes an entry out. The caller holds this dentry's lock. */
    @GuardedBy("this")
    void removeNode(Node node) {
        AtomicReferenceArray<@Nullable Node> table = children;
        if (table == null) {
            return;
        }
        int bucket = node.hash & (table.length() - 1);
        Node n = table.get(bucket);
        if (n == node) {
            table.set(bucket, n.next);
            childCount--;
            return;
        }
        while (n != null) {
            Node next = n.next;
            if (next == node) {
                n.next = next.next;
                childCount--;
                return;
            }
            n = next;
        }
    }

    /** The positive children that are cached. */
    synchronized List<Dentry> cachedChildren() {
        List<Dentry> list = new ArrayList<>();
        AtomicReferenceArray<@Nullable Node> table = children;
        for (int i = 0; table != null && i < table.length(); i++) {
            for (Node n = table.get(i); n != null; n = n.next) {
                Dentry d = n.get();
                if (d != null && !d.isNegative()) {
                    list.add(d);
                }
            }
        }
        return list;
    }

    // ---- changes, under the parent's lock ----

    /** A file was made under this negative dentry's name. */
    void instantiate(Inode made) {
        inode = made;
    }

    /** The name was removed. */
    void unhash() {
        unhashed = true;
    }

    /** A rename: hangs elsewhere from now on (both parents' locks are held; it is in no table). */
    void move(Dentry parent, byte[] name) {
        place = new Place(parent, name, hash(name, 0, name.length));
        node = null;
    }

    boolean isBelow(Dentry ancestor) {
        for (Dentry d = this; d != null; d = d.parent()) {
            if (d == ancestor) {
                return true;
            }
        }
        return false;
    }
}
