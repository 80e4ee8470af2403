package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One resolution of a path (path_resolution(7), fs/namei.c). Used by one thread, once. While it goes, {@link #mount} and
 * {@link #dentry} are the place reached; a walk to the parent stops there with the last component not looked up.
 */
final class PathWalk {
    static final int PATH_MAX = 4096;
    static final int NAME_MAX = 255;
    private static final int MAX_SYMLINKS = 40;

    /** How many names a prefetch hint carries at most. */
    private static final int PREFETCH = 16;

    /** What the last component of a walk to the parent is. */
    enum Last {
        NAME,
        DOT,
        DOT_DOT,
        /** The path is "/" or the like. */
        ROOT
    }

    private record Rest(byte[] path, int position) {}

    private final VirtualFilesystem vfs;
    private final VfsContext context;

    private Mount mount;
    private Dentry dentry;
    private byte[] path;
    private int position;
    private @Nullable ArrayList<Rest> rest;
    private int symlinks;

    /** The result must be a directory: slashes followed its name. */
    private boolean mustBeDirectory;

    private Last last = Last.ROOT;
    private int lastFrom;
    private int lastTo;

    /**
     * @param start where a relative path starts; null for the working directory
     */
    PathWalk(VirtualFilesystem vfs, VfsContext context, @Nullable VirtualDentry start, byte[] path)
            throws ErrnoException {
        if (path.length >= PATH_MAX) {
            throw Errno.ENAMETOOLONG.exception();
        }
        if (path.length == 0) {
            throw Errno.ENOENT.exception();
        }
        this.vfs = vfs;
        this.context = context;
        this.path = path;
        VirtualDentry from = path[0] == '/' ? context.root() : start != null ? start : context.cwd();
        if (!from.dentry().isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        this.mount = from.mount();
        this.dentry = from.dentry();
    }

    /** Resolves to an existing file. */
    VirtualDentry resolve(boolean follow) throws ErrnoException {
        walk(false, follow);
        if (mustBeDirectory && !dentry.isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        return here();
    }

    /** Resolves all but the last component. */
    VirtualDentry resolveParent() throws ErrnoException {
        walk(true, false);
        return here();
    }

    VirtualDentry here() {
        return new VirtualDentry(mount, dentry);
    }

    Last last() {
        return last;
    }

    /** Whether slashes follow the last component. */
    boolean mustBeDirectory() {
        return mustBeDirectory;
    }

    /** The name of the last component ({@link Last#NAME}). */
    byte[] lastName() {
        return Arrays.copyOfRange(path, lastFrom, lastTo);
    }

    /** After {@link #resolveParent}: the dentry of the last component in the parent, perhaps negative; no mounts. */
    Dentry lookupLast() throws ErrnoException {
        return lookup(lastFrom, lastTo, Dentry.hash(path, lastFrom, lastTo), true);
    }

    /**
     * After {@link #lookupLast} gave a symbolic link that is to be followed: goes on to the parent of its target.
     *
     * @return the place that a magic link leads to, and the walk is over; or null, and the walk stands at a parent again
     */
    @Nullable
    VirtualDentry followLast(VirtualDentry link) throws ErrnoException {
        VirtualDentry magic = enterSymlink(link.dentry().requireInode());
        if (magic != null) {
            return magic;
        }
        last = Last.ROOT;
        walk(true, false);
        return null;
    }

    private void walk(boolean toParent, boolean follow) throws ErrnoException {
        for (; ; ) {
            byte[] p = path;
            int i = position;
            int length = p.length;
            while (i < length && p[i] == '/') {
                i++;
            }
            if (i == length) {
                if (rest == null || rest.isEmpty()) {
                    return;
                }
                Rest r = rest.removeLast();
                path = r.path;
                position = r.position;
                continue;
            }
            Inode directory = dentry.inode();
            if (directory == null || !directory.isDirectory()) {
                throw Errno.ENOTDIR.exception();
            }
            directory.checkAccess(context, FileMode.MAY_EXEC);
            int from = i;
            int h = 0;
            while (i < length && p[i] != '/') {
                h = h * 31 + p[i];
                i++;
            }
            int to = i;
            if (to - from > NAME_MAX) {
                throw Errno.ENAMETOOLONG.exception();
            }
            while (i < length && p[i] == '/') {
                i++;
            }
            position = i;
            boolean isLast = i == length && (rest == null || rest.isEmpty());
            if (isLast && i > to) {
                mustBeDirectory = true;
            }
            if (p[from] == '.' && to - from <= 2) {
                if (to - from == 1) {
                    if (isLast && toParent) {
                        last = Last.DOT;
                        return;
                    }
                    continue;
                }
                if (p[from + 1] == '.') {
                    if (isLast && toParent) {
                        last = Last.DOT_DOT;
                        return;
                    }
                    up();
                    continue;
                }
            }
            if (isLast && toParent) {
                last = Last.NAME;
                lastFrom = from;
                lastTo = to;
                return;
            }
            Dentry child = lookup(from, to, Dentry.spread(h), isLast);
            Mount m = mount;
            if (child.isMountpoint()) {
                VirtualDentry v = MountNamespace.traverse(new VirtualDentry(m, child));
                m = v.mount();
                child = v.dentry();
            }
            Inode inode = child.inode();
            if (inode == null) {
                throw Errno.ENOENT.exception();
            }
            if (inode.isSymlink() && (!isLast || follow || mustBeDirectory)) {
                VirtualDentry magic = enterSymlink(inode);
                if (magic != null) {
                    mount = magic.mount();
                    dentry = magic.dentry();
                }
                continue;
            }
            mount = m;
            dentry = child;
        }
    }

    /** Makes the link's target the path to go on with, or returns where a magic link leads. */
    private @Nullable VirtualDentry enterSymlink(Inode link) throws ErrnoException {
        if (++symlinks > MAX_SYMLINKS) {
            throw Errno.ELOOP.exception();
        }
        VirtualDentry magic = link.magicTarget(context);
        if (magic != null) {
            return magic;
        }
        byte[] target = link.readLink(context);
        if (target.length == 0) {
            throw Errno.ENOENT.exception();
        }
        if (position < path.length) {
            if (rest == null) {
                rest = new ArrayList<>(4);
            }
            rest.add(new Rest(path, position));
        }
        path = target;
        position = 0;
        if (target[0] == '/') {
            mount = context.root().mount();
            dentry = context.root().dentry();
        }
        return null;
    }

    /** "..": stays at the caller's root and at the top of the namespace, and crosses mounts upwards. */
    private void up() {
        VirtualDentry root = context.root();
        for (; ; ) {
            if (mount == root.mount() && dentry == root.dentry()) {
                return;
            }
            if (dentry != mount.root()) {
                Dentry parent = dentry.parent();
                if (parent != null) {
                    dentry = parent;
                }
                break;
            }
            VirtualDentry at = mount.mountpoint();
            if (at == null) {
                return;
            }
            mount = at.mount();
            dentry = at.dentry();
        }
        if (dentry.isMountpoint()) {
            VirtualDentry v = MountNamespace.traverse(here());
            mount = v.mount();
            dentry = v.dentry();
        }
    }

    private Dentry lookup(int from, int to, int hash, boolean isLast) throws ErrnoException {
        Dentry parent = dentry;
        Dentry child = parent.findChild(path, from, to, hash);
        if (child != null) {
            if (child.isWeak()) {
                synchronized (parent) {
                    vfs.dentries().revive(child);
                }
            }
            return child;
        }
        if (!isLast) {
            prefetch(from);
        }
        return vfs.lookup(parent, Arrays.copyOfRange(path, from, to), context);
    }

    /** Tells the file system the names that come next, up to the first that is not simply a name. */
    private void prefetch(int from) {
        List<byte[]> names = new ArrayList<>(8);
        int i = from;
        while (i < path.length && names.size() < PREFETCH) {
            int start = i;
            while (i < path.length && path[i] != '/') {
                i++;
            }
            int n = i - start;
            if (n > NAME_MAX || (path[start] == '.' && (n == 1 || (n == 2 && path[start + 1] == '.')))) {
                break;
            }
            names.add(Arrays.copyOfRange(path, start, i));
            while (i < path.length && path[i] == '/') {
                i++;
            }
        }
        if (names.size() > 1) {
            dentry.requireInode().prefetch(names);
        }
    }
}
