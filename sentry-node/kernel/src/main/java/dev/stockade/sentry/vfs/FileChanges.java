package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.auth.Credentials;
import org.jspecify.annotations.Nullable;

/**
 * What makes, removes and renames files by path (fs/namei.c). Changes of a directory happen under its dentry's lock; a
 * rename between directories also takes its file system's rename lock first, and an ancestor's lock before a
 * descendant's. Errors come in Linux's order as far as programs could tell.
 */
public final class FileChanges {
    public static final int RENAME_NOREPLACE = 1;
    public static final int RENAME_EXCHANGE = 2;

    private final VirtualFilesystem vfs;
    private final AttributeChanges attributes;

    FileChanges(VirtualFilesystem vfs) {
        this.vfs = vfs;
        this.attributes = new AttributeChanges(vfs);
    }

    /** Changes of attributes. */
    public AttributeChanges attributes() {
        return attributes;
    }

    // ---- making ----

    /** open(2) with O_CREAT. */
    FileDescription openOrCreate(VfsContext context, @Nullable VirtualDentry start, byte[] path, int flags, int mode)
            throws ErrnoException {
        PathWalk walk = new PathWalk(vfs, context, start, path);
        VirtualDentry parent = walk.resolveParent();
        for (; ; ) {
            boolean exclusive = (flags & OpenFlags.O_EXCL) != 0;
            if (walk.last() != PathWalk.Last.NAME) {
                throw (exclusive ? Errno.EEXIST : Errno.EISDIR).exception();
            }
            if (walk.mustBeDirectory()) {
                throw Errno.EISDIR.exception();
            }
            Dentry child = walk.lookupLast();
            if (child.isNegative()) {
                byte[] name = walk.lastName();
                synchronized (parent.dentry()) {
                    child = vfs.lookupLocked(parent.dentry(), parent.dentry().requireInode(), name, context);
                    if (child.isNegative()) {
                        createLocked(context, parent, child, FileMode.S_IFREG | (mode & FileMode.PERMISSIONS), 0);
                        return vfs.openResolved(context, new VirtualDentry(parent.mount(), child), flags, true);
                    }
                }
            }
            if (exclusive) {
                throw Errno.EEXIST.exception();
            }
            VirtualDentry found = MountNamespace.traverse(new VirtualDentry(parent.mount(), child));
            Inode inode = found.dentry().requireInode();
            if (inode.isSymlink()) {
                if ((flags & OpenFlags.O_NOFOLLOW) != 0) {
                    throw Errno.ELOOP.exception();
                }
                VirtualDentry magic = walk.followLast(found);
                if (magic == null) {
                    parent = walk.here();
                    continue;
                }
                found = magic;
                inode = found.dentry().requireInode();
            }
            if (inode.isDirectory()) {
                throw Errno.EISDIR.exception();
            }
            return vfs.openResolved(context, found, flags, false);
        }
    }

    private Inode createLocked(VfsContext context, VirtualDentry parent, Dentry child, int mode, long rdev)
            throws ErrnoException {
        Inode directory = checkMayCreate(context, parent);
        Credentials c = context.credentials();
        int gid = newGid(directory, c);
        int m = mode & ~context.umask();
        if ((m & (FileMode.S_ISGID | FileMode.S_IXGRP)) == (FileMode.S_ISGID | FileMode.S_IXGRP)
                && !c.inGroup(gid)
                && !c.hasCapability(Permissions.CAP_FSETID)) {
            m &= ~FileMode.S_ISGID;
        }
        Inode made = directory.create(child.name(), m, c.fsuid(), gid, rdev);
        child.instantiate(made);
        return made;
    }

    private static int newGid(Inode directory, Credentials c) {
        return (directory.mode() & FileMode.S_ISGID) != 0 ? directory.gid() : c.fsgid();
    }

    /** May the caller make a file in this directory? */
    private static Inode checkMayCreate(VfsContext context, VirtualDentry parent) throws ErrnoException {
        if (parent.mount().isReadOnly()) {
            throw Errno.EROFS.exception();
        }
        if (parent.dentry().isDeleted()) {
            throw Errno.ENOENT.exception();
        }
        Inode directory = parent.dentry().requireInode();
        directory.checkAccess(context, FileMode.MAY_WRITE | FileMode.MAY_EXEC);
        return directory;
    }

    private interface Maker {
        Inode make(Inode directory, byte[] name, int gid) throws ErrnoException;
    }

    /** Makes what {@code maker} makes under a free name. */
    private VirtualDentry make(
            VfsContext context, @Nullable VirtualDentry start, byte[] path, boolean isDirectory, Maker maker)
            throws ErrnoException {
        PathWalk walk = new PathWalk(vfs, context, start, path);
        VirtualDentry parent = walk.resolveParent();
        if (walk.last() != PathWalk.Last.NAME) {
            throw Errno.EEXIST.exception();
        }
        byte[] name = walk.lastName();
        Dentry p = parent.dentry();
        synchronized (p) {
            Dentry child = vfs.lookupLocked(p, p.requireInode(), name, context);
            if (!child.isNegative()) {
                throw Errno.EEXIST.exception();
            }
            if (walk.mustBeDirectory() && !isDirectory) {
                throw Errno.ENOENT.exception();
            }
            Inode directory = checkMayCreate(context, parent);
            child.instantiate(maker.make(directory, name, newGid(directory, context.credentials())));
            return new VirtualDentry(parent.mount(), child);
        }
    }

    public void mkdir(VfsContext context, @Nullable VirtualDentry start, byte[] path, int mode) throws ErrnoException {
        make(context, start, path, true, (directory, name, gid) -> {
            int m = (mode & (0777 | FileMode.S_ISVTX) & ~context.umask()) | (directory.mode() & FileMode.S_ISGID);
            return directory.makeDirectory(
                    name, FileMode.S_IFDIR | m, context.credentials().fsuid(), gid);
        });
    }

    /** mknod(2): a regular file, FIFO, socket or device node. The place is for binding sockets. */
    public VirtualDentry mknod(VfsContext context, @Nullable VirtualDentry start, byte[] path, int mode, long rdev)
            throws ErrnoException {
        int type = (mode & FileMode.S_IFMT) == 0 ? FileMode.S_IFREG : mode & FileMode.S_IFMT;
        boolean device = type == FileMode.S_IFCHR || type == FileMode.S_IFBLK;
        switch (type) {
            case FileMode.S_IFREG, FileMode.S_IFIFO, FileMode.S_IFSOCK, FileMode.S_IFCHR, FileMode.S_IFBLK -> {}
            case FileMode.S_IFDIR -> throw Errno.EPERM.exception();
            default -> throw Errno.EINVAL.exception();
        }
        return make(context, start, path, false, (directory, name, gid) -> {
            if (device && !context.credentials().hasCapability(Permissions.CAP_MKNOD)) {
                throw Errno.EPERM.exception();
            }
            int m = type | (mode & FileMode.PERMISSIONS & ~context.umask());
            return directory.create(name, m, context.credentials().fsuid(), gid, device ? rdev : 0);
        });
    }

    public void symlink(VfsContext context, byte[] target, @Nullable VirtualDentry start, byte[] path)
            throws ErrnoException {
        if (target.length == 0) {
            throw Errno.ENOENT.exception();
        }
        if (target.length >= PathWalk.PATH_MAX) {
            throw Errno.ENAMETOOLONG.exception();
        }
        make(
                context,
                start,
                path,
                false,
                (directory, name, gid) -> directory.makeSymlink(
                        name, target, context.credentials().fsuid(), gid));
    }

    /**
     * linkat(2).
     *
     * @param flags of {@link VirtualFilesystem#FOLLOW} and {@link VirtualFilesystem#EMPTY_PATH} for the old path
     */
    public void link(
            VfsContext context,
            @Nullable VirtualDentry oldStart,
            byte[] oldPath,
            @Nullable VirtualDentry newStart,
            byte[] newPath,
            int flags)
            throws ErrnoException {
        VirtualDentry old = vfs.resolve(context, oldStart, oldPath, flags);
        Inode target = old.dentry().requireInode();
        PathWalk walk = new PathWalk(vfs, context, newStart, newPath);
        VirtualDentry parent = walk.resolveParent();
        if (walk.last() != PathWalk.Last.NAME) {
            throw Errno.EEXIST.exception();
        }
        byte[] name = walk.lastName();
        Dentry p = parent.dentry();
        synchronized (p) {
            Dentry child = vfs.lookupLocked(p, p.requireInode(), name, context);
            if (!child.isNegative()) {
                throw Errno.EEXIST.exception();
            }
            if (walk.mustBeDirectory()) {
                throw Errno.ENOENT.exception();
            }
            if (old.mount() != parent.mount()) {
                throw Errno.EXDEV.exception();
            }
            Inode directory = checkMayCreate(context, parent);
            if (target.isDirectory()) {
                throw Errno.EPERM.exception();
            }
            directory.link(name, target);
            child.instantiate(target);
        }
    }

    // ---- removing ----

    public void unlink(VfsContext context, @Nullable VirtualDentry start, byte[] path) throws ErrnoException {
        PathWalk walk = new PathWalk(vfs, context, start, path);
        VirtualDentry parent = walk.resolveParent();
        if (walk.last() != PathWalk.Last.NAME) {
            throw Errno.EISDIR.exception();
        }
        checkWritable(parent.mount());
        byte[] name = walk.lastName();
        Dentry p = parent.dentry();
        synchronized (p) {
            Inode directory = p.requireInode();
            Dentry child = vfs.lookupLocked(p, directory, name, context);
            Inode victim = child.inode();
            if (victim == null) {
                throw Errno.ENOENT.exception();
            }
            if (walk.mustBeDirectory()) {
                throw (victim.isDirectory() ? Errno.EISDIR : Errno.ENOTDIR).exception();
            }
            checkMayDelete(context, directory, child, false);
            directory.unlink(name, victim);
            forget(p, child, true);
        }
    }

    public void rmdir(VfsContext context, @Nullable VirtualDentry start, byte[] path) throws ErrnoException {
        PathWalk walk = new PathWalk(vfs, context, start, path);
        VirtualDentry parent = walk.resolveParent();
        switch (walk.last()) {
            case NAME -> {}
            case DOT -> throw Errno.EINVAL.exception();
            case DOT_DOT -> throw Errno.ENOTEMPTY.exception();
            case ROOT -> throw Errno.EBUSY.exception();
        }
        checkWritable(parent.mount());
        byte[] name = walk.lastName();
        Dentry p = parent.dentry();
        synchronized (p) {
            Inode directory = p.requireInode();
            Dentry child = vfs.lookupLocked(p, directory, name, context);
            Inode victim = child.inode();
            if (victim == null) {
                throw Errno.ENOENT.exception();
            }
            checkMayDelete(context, directory, child, true);
            synchronized (child) {
                directory.removeDirectory(name, victim);
                forget(p, child, true);
            }
        }
    }

    private static void checkWritable(Mount mount) throws ErrnoException {
        if (mount.isReadOnly()) {
            throw Errno.EROFS.exception();
        }
    }

    private static void checkMayDelete(VfsContext context, Inode directory, Dentry victim, boolean isDirectory)
            throws ErrnoException {
        Inode inode = victim.requireInode();
        directory.checkAccess(context, FileMode.MAY_WRITE | FileMode.MAY_EXEC);
        if (Permissions.stickyForbids(directory, inode, context.credentials())) {
            throw Errno.EPERM.exception();
        }
        if (isDirectory && !inode.isDirectory()) {
            throw Errno.ENOTDIR.exception();
        }
        if (!isDirectory && inode.isDirectory()) {
            throw Errno.EISDIR.exception();
        }
        if (victim.isMountpoint()) {
            throw Errno.EBUSY.exception();
        }
    }

    /** The name is gone: its dentry leaves the table, and a negative one takes its place. */
    private void forget(Dentry parent, Dentry child, boolean remember) {
        child.unhash();
        if (parent.filesystem().cachesNames()) {
            vfs.dentries().remove(parent, child);
            if (remember) {
                vfs.dentries().insert(parent, new Dentry(parent.filesystem(), parent, child.name(), null));
            }
        }
    }

    // ---- renaming ----

    /**
     * renameat2(2).
     *
     * @param flags of {@link #RENAME_NOREPLACE}, {@link #RENAME_EXCHANGE}
     */
    public void rename(
            VfsContext context,
            @Nullable VirtualDentry oldStart,
            byte[] oldPath,
            @Nullable VirtualDentry newStart,
            byte[] newPath,
            int flags)
            throws ErrnoException {
        if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) {
            throw Errno.EINVAL.exception();
        }
        PathWalk oldWalk = new PathWalk(vfs, context, oldStart, oldPath);
        VirtualDentry oldParent = oldWalk.resolveParent();
        PathWalk newWalk = new PathWalk(vfs, context, newStart, newPath);
        VirtualDentry newParent = newWalk.resolveParent();
        if (oldParent.mount() != newParent.mount()) {
            throw Errno.EXDEV.exception();
        }
        if (oldWalk.last() != PathWalk.Last.NAME) {
            throw Errno.EBUSY.exception();
        }
        if (newWalk.last() != PathWalk.Last.NAME) {
            throw (flags == RENAME_NOREPLACE ? Errno.EEXIST : Errno.EBUSY).exception();
        }
        checkWritable(oldParent.mount());
        boolean slashes = oldWalk.mustBeDirectory() || newWalk.mustBeDirectory();
        Rename rename = new Rename(
                context,
                oldParent.dentry(),
                oldWalk.lastName(),
                newParent.dentry(),
                newWalk.lastName(),
                flags,
                oldWalk.mustBeDirectory(),
                slashes);
        if (oldParent.dentry() == newParent.dentry()) {
            synchronized (oldParent.dentry()) {
                rename.run();
            }
            return;
        }
        Filesystem fs = oldParent.dentry().filesystem();
        fs.renameLock.lock();
        try {
            boolean newFirst = oldParent.dentry().isBelow(newParent.dentry());
            synchronized (newFirst ? newParent.dentry() : oldParent.dentry()) {
                synchronized (newFirst ? oldParent.dentry() : newParent.dentry()) {
                    rename.run();
                }
            }
        } finally {
            fs.renameLock.unlock();
        }
    }

    /** One rename; run with both parents locked. */
    private final class Rename {
        private final VfsContext context;
        private final Dentry oldParent;
        private final byte[] oldName;
        private final Dentry newParent;
        private final byte[] newName;
        private final boolean exchange;
        private final boolean noReplace;
        private final boolean oldSlashes;
        private final boolean slashes;

        Rename(
                VfsContext context,
                Dentry oldParent,
                byte[] oldName,
                Dentry newParent,
                byte[] newName,
                int flags,
                boolean oldSlashes,
                boolean slashes) {
            this.context = context;
            this.oldParent = oldParent;
            this.oldName = oldName;
            this.newParent = newParent;
            this.newName = newName;
            this.exchange = flags == RENAME_EXCHANGE;
            this.noReplace = flags == RENAME_NOREPLACE;
            this.oldSlashes = oldSlashes;
            this.slashes = slashes;
        }

        void run() throws ErrnoException {
            Inode oldDirectory = oldParent.requireInode();
            Inode newDirectory = newParent.requireInode();
            Dentry moved = vfs.lookupLocked(oldParent, oldDirectory, oldName, context);
            Inode inode = moved.inode();
            if (inode == null) {
                throw Errno.ENOENT.exception();
            }
            Dentry target = vfs.lookupLocked(newParent, newDirectory, newName, context);
            Inode replaced = target.inode();
            if (noReplace && replaced != null) {
                throw Errno.EEXIST.exception();
            }
            if (exchange && replaced == null) {
                throw Errno.ENOENT.exception();
            }
            if (exchange ? oldSlashes && !inode.isDirectory() : slashes && !inode.isDirectory()) {
                throw Errno.ENOTDIR.exception();
            }
            if (newParent.isBelow(moved)) {
                throw Errno.EINVAL.exception();
            }
            if (oldParent.isBelow(target)) {
                throw (exchange ? Errno.EINVAL : Errno.ENOTEMPTY).exception();
            }
            if (inode == replaced) {
                return;
            }
            checkMayDelete(context, oldDirectory, moved, inode.isDirectory());
            if (replaced == null) {
                if (newParent.isDeleted()) {
                    throw Errno.ENOENT.exception();
                }
                newDirectory.checkAccess(context, FileMode.MAY_WRITE | FileMode.MAY_EXEC);
            } else {
                checkMayDelete(context, newDirectory, target, (exchange ? replaced : inode).isDirectory());
            }
            if (oldParent != newParent) {
                if (inode.isDirectory()) {
                    inode.checkAccess(context, FileMode.MAY_WRITE);
                }
                if (exchange && replaced != null && replaced.isDirectory()) {
                    replaced.checkAccess(context, FileMode.MAY_WRITE);
                }
            }
            // Nobody may fill a directory that is being replaced.
            synchronized (target) {
                oldDirectory.rename(oldName, inode, newDirectory, newName, replaced, exchange);
                if (oldParent.filesystem().cachesNames()) {
                    moveDentries(moved, target);
                }
            }
        }

        private void moveDentries(Dentry moved, Dentry target) {
            DentryCache cache = vfs.dentries();
            cache.remove(oldParent, moved);
            cache.remove(newParent, target);
            moved.move(newParent, newName);
            cache.insert(newParent, moved);
            if (exchange) {
                target.move(oldParent, oldName);
                cache.insert(oldParent, target);
            } else {
                target.unhash();
                cache.insert(oldParent, new Dentry(oldParent.filesystem(), oldParent, oldName, null));
            }
        }
    }

    static void truncateOpened(VfsContext context, Inode inode, long size) throws ErrnoException {
        inode.truncate(size);
        AttributeChanges.dropPrivileges(inode, context.credentials().hasCapability(Permissions.CAP_FSETID));
    }
}
