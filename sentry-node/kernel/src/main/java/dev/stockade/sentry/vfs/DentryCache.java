package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import org.jspecify.annotations.Nullable;

/**
 * Bounds the dentries that a sandbox's directories hold strongly: the least recently used ones beyond the bound are
 * held weakly (a clock, so that a lookup that hits costs nothing here). Locks: a directory's lock may be held on the
 * way in; its own lock is a leaf.
 */
final class DentryCache {
    private final int limit;
    private final ReferenceQueue<Dentry> collected = new ReferenceQueue<>();

    // A list from the oldest to the newest.
    @GuardedBy("this")
    private @Nullable Dentry oldest;

    @GuardedBy("this")
    private @Nullable Dentry newest;

    @GuardedBy("this")
    private int size;

    DentryCache(int limit) {
        this.limit = limit;
    }

    /** Puts a dentry into its parent's table. The caller holds the parent's lock. */
    @SuppressWarnings("GuardedBy") // the parent's lock is held by contract
    void insert(Dentry parent, Dentry child) {
        parent.insertChild(child, collected);
        add(child);
    }

    /** Takes a dentry out of its parent's table. The caller holds the parent's lock. */
    @SuppressWarnings("GuardedBy")
    void remove(Dentry parent, Dentry child) {
        Dentry.Node node = child.node();
        if (node != null) {
            parent.removeNode(node);
        }
        synchronized (this) {
            if (child.cached) {
                unlinkLocked(child);
            }
        }
    }

    /** A dentry that was only held weakly is in use again. The caller holds the parent's lock. */
    void revive(Dentry child) {
        Dentry.Node node = child.node();
        if (node != null && !node.isStrong()) {
            node.strengthen(child);
            add(child);
        }
    }

    /** Forgets the entries of dentries that were collected. The caller holds no lock. */
    void purge() {
        for (; ; ) {
            Reference<? extends Dentry> r = collected.poll();
            if (r == null) {
                return;
            }
            Dentry.Node node = (Dentry.Node) r;
            Dentry parent = node.parent();
            synchronized (parent) {
                parent.removeNode(node);
            }
        }
    }

    synchronized int size() {
        return size;
    }

    private void add(Dentry d) {
        synchronized (this) {
            if (d.cached) {
                return;
            }
            linkNewest(d);
            // Each round either evicts or takes away a mark, and twice around is enough.
            for (int rounds = 2 * limit + 2; size > limit && rounds > 0; rounds--) {
                Dentry victim = oldest;
                if (victim == null) {
                    return;
                }
                unlinkLocked(victim);
                if (victim.referenced && victim != d) {
                    victim.referenced = false;
                    linkNewest(victim);
                } else {
                    Dentry.Node node = victim.node();
                    if (node != null) {
                        node.weaken();
                    }
                }
            }
        }
    }

    @GuardedBy("this")
    private void linkNewest(Dentry d) {
        d.cached = true;
        d.cachePrevious = newest;
        d.cacheNext = null;
        if (newest == null) {
            oldest = d;
        } else {
            newest.cacheNext = d;
        }
        newest = d;
        size++;
    }

    @GuardedBy("this")
    private void unlinkLocked(Dentry d) {
        Dentry p = d.cachePrevious;
        Dentry n = d.cacheNext;
        if (p == null) {
            oldest = n;
        } else {
            p.cacheNext = n;
        }
        if (n == null) {
            newest = p;
        } else {
            n.cachePrevious = p;
        }
        d.cachePrevious = null;
        d.cacheNext = null;
        d.cached = false;
        size--;
    }
}
