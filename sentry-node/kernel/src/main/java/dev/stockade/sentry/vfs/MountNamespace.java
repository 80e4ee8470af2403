package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A tree of mounts (mount_namespaces(7)). Changes are serialised by its lock, under which no file system is called;
 * path resolution reads without it. Mount points do not propagate: every mount is private.
 */
public final class MountNamespace {
    /** As Linux's default of fs.mount-max is far above what a sandbox needs. */
    private static final int MOUNT_MAX = 4096;

    private final VirtualFilesystem vfs;
    private final Mount root;

    @GuardedBy("this")
    private final List<Mount> mounts = new ArrayList<>();

    /** A namespace whose root is the root of this file system. */
    public MountNamespace(VirtualFilesystem vfs, Filesystem filesystem, String source, int flags) {
        this.vfs = vfs;
        this.root = new Mount(vfs.nextMountId(), this, filesystem, filesystem.rootDentry(), source, flags, null);
        this.mounts.add(root);
    }

    private MountNamespace(VirtualFilesystem vfs, Mount copied) {
        this.vfs = vfs;
        this.root = new Mount(
                vfs.nextMountId(), this, copied.filesystem(), copied.root(), copied.source(), copied.flags(), null);
        this.mounts.add(root);
    }

    public VirtualFilesystem vfs() {
        return vfs;
    }

    /** The root directory as a path lookup sees it: the topmost mount on it. */
    public VirtualDentry root() {
        return traverse(root.rootDentry());
    }

    /** The mount that everything else stands on. */
    public Mount rootMount() {
        return root;
    }

    /** All mounts, in the order in which they were made. */
    public synchronized List<Mount> mounts() {
        return List.copyOf(mounts);
    }

    /** Mounts a file system on a directory (mount(2)). */
    public Mount mount(VirtualDentry at, Filesystem filesystem, String source, int flags) throws ErrnoException {
        return attach(at, filesystem, filesystem.rootDentry(), source, flags);
    }

    /** Makes a directory or file visible a second time (MS_BIND); with {@code recursive} also what stands below it. */
    public synchronized Mount bind(VirtualDentry at, VirtualDentry what, boolean recursive) throws ErrnoException {
        if (what.mount().namespace() != this || !mounts.contains(what.mount())) {
            // A mount that was taken away may be closed already, and those of pipes and the like are nobody's.
            throw Errno.EINVAL.exception();
        }
        List<Mount> below = recursive ? new ArrayList<>(mounts) : List.of();
        Mount top = attach(
                at,
                what.mount().filesystem(),
                what.dentry(),
                what.mount().source(),
                what.mount().flags());
        if (recursive) {
            Map<Mount, Mount> copies = new HashMap<>();
            copies.put(what.mount(), top);
            for (Mount m : below) {
                VirtualDentry point = m.mountpoint();
                Mount parent = point == null ? null : copies.get(point.mount());
                if (point == null || parent == null) {
                    continue;
                }
                if (parent == top && !point.dentry().isBelow(what.dentry())) {
                    continue;
                }
                copies.put(
                        m,
                        attach(
                                new VirtualDentry(parent, point.dentry()),
                                m.filesystem(),
                                m.root(),
                                m.source(),
                                m.flags()));
            }
        }
        return top;
    }

    private synchronized Mount attach(VirtualDentry where, Filesystem filesystem, Dentry top, String source, int flags)
            throws ErrnoException {
        VirtualDentry at = traverse(where);
        if (at.mount().namespace() != this || at.dentry().isDeleted()) {
            throw Errno.EINVAL.exception();
        }
        if (top.isDirectory() != at.dentry().isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        if (mounts.size() >= MOUNT_MAX) {
            throw Errno.ENOSPC.exception();
        }
        Mount m = new Mount(vfs.nextMountId(), this, filesystem, top, source, flags, at);
        at.dentry().addMount(1);
        at.mount().addChild(m);
        mounts.add(m);
        return m;
    }

    /** Changes a mount's flags (MS_REMOUNT). */
    public synchronized void remount(VirtualDentry at, int flags) throws ErrnoException {
        if (at.mount().namespace() != this || at.dentry() != at.mount().root()) {
            throw Errno.EINVAL.exception();
        }
        at.mount().setFlags(flags);
    }

    /**
     * Takes a mount away (umount2(2)).
     *
     * @param at its root, as resolved
     * @param detach MNT_DETACH: also if it is in use, with everything that stands on it
     * @throws ErrnoException EINVAL if it is no mount's root; EBUSY if files on it are open or mounts stand on it
     */
    public void unmount(VirtualDentry at, boolean detach) throws ErrnoException {
        List<Filesystem> gone = new ArrayList<>();
        synchronized (this) {
            Mount m = at.mount();
            if (m.namespace() != this || at.dentry() != m.root() || !mounts.contains(m)) {
                throw Errno.EINVAL.exception();
            }
            if (m == root) {
                throw Errno.EBUSY.exception();
            }
            if (!detach && (m.children().length > 0 || m.hasOpenFiles())) {
                throw Errno.EBUSY.exception();
            }
            detach(m, gone);
        }
        for (Filesystem f : gone) {
            f.unuse();
        }
    }

    @GuardedBy("this")
    private void detach(Mount m, List<Filesystem> gone) {
        for (Mount c : m.children()) {
            detach(c, gone);
        }
        VirtualDentry at = m.mountpoint();
        if (at != null) {
            at.mount().removeChild(m);
            at.dentry().addMount(-1);
            m.setMountpoint(null);
        }
        mounts.remove(m);
        gone.add(m.filesystem());
    }

    /**
     * A copy with the same mounts (CLONE_NEWNS).
     *
     * @param moved is told for each mount its copy, so that roots and working directories can move along
     */
    public synchronized MountNamespace copy(Map<Mount, Mount> moved) {
        MountNamespace ns = new MountNamespace(vfs, root);
        moved.put(root, ns.root);
        for (Mount m : mounts) {
            VirtualDentry at = m.mountpoint();
            Mount parent = at == null ? null : moved.get(at.mount());
            if (at == null || parent == null) {
                continue;
            }
            moved.put(m, ns.attachCopy(m, new VirtualDentry(parent, at.dentry())));
        }
        return ns;
    }

    private synchronized Mount attachCopy(Mount m, VirtualDentry at) {
        Mount c = new Mount(vfs.nextMountId(), this, m.filesystem(), m.root(), m.source(), m.flags(), at);
        at.dentry().addMount(1);
        at.mount().addChild(c);
        mounts.add(c);
        return c;
    }

    /** The namespace is gone: takes all its mounts away. */
    public void close() {
        List<Filesystem> gone = new ArrayList<>();
        synchronized (this) {
            detach(root, gone);
        }
        for (Filesystem f : gone) {
            f.unuse();
        }
    }

    /** The topmost of what is mounted on a place. */
    static VirtualDentry traverse(VirtualDentry at) {
        VirtualDentry v = at;
        while (v.dentry().isMountpoint()) {
            @Nullable Mount m = v.mount().childAt(v.dentry());
            if (m == null) {
                break;
            }
            v = m.rootDentry();
        }
        return v;
    }
}
