package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.auth.Credentials;

/** chmod, chown, utimensat, truncate and extended attributes on files that are already resolved (fs/attr.c). */
public final class AttributeChanges {
    /** A time that means "now" (UTIME_NOW). */
    public static final long TIME_NOW = Long.MIN_VALUE;

    /** A time that means "as it is" (UTIME_OMIT). */
    public static final long TIME_OMIT = Long.MIN_VALUE + 1;

    private static final int XATTR_NAME_MAX = 255;
    private static final int XATTR_SIZE_MAX = 65536;
    private static final int CAP_SYS_ADMIN = 21;

    private final VirtualFilesystem vfs;

    AttributeChanges(VirtualFilesystem vfs) {
        this.vfs = vfs;
    }

    private static Inode writable(VirtualDentry where) throws ErrnoException {
        if (where.mount().isReadOnly()) {
            throw Errno.EROFS.exception();
        }
        return where.dentry().requireInode();
    }

    public void chmod(VfsContext context, VirtualDentry where, int mode) throws ErrnoException {
        Inode inode = writable(where);
        if (inode.isSymlink()) {
            throw Errno.EOPNOTSUPP.exception();
        }
        Credentials c = context.credentials();
        if (!Permissions.ownerOrCapable(inode, c)) {
            throw Errno.EPERM.exception();
        }
        int m = mode & FileMode.PERMISSIONS;
        if (!c.inGroup(inode.gid()) && !c.hasCapability(Permissions.CAP_FSETID)) {
            m &= ~FileMode.S_ISGID;
        }
        inode.setAttributes(SetAttributes.ofMode(m));
    }

    /**
     * @param uid -1: as it is
     * @param gid -1: as it is
     */
    public void chown(VfsContext context, VirtualDentry where, int uid, int gid) throws ErrnoException {
        Inode inode = writable(where);
        Credentials c = context.credentials();
        boolean capable = c.hasCapability(Permissions.CAP_CHOWN);
        int mask = 0;
        if (uid != -1) {
            if (!capable && (c.fsuid() != inode.uid() || uid != inode.uid())) {
                throw Errno.EPERM.exception();
            }
            mask |= SetAttributes.UID;
        }
        if (gid != -1) {
            if (!capable && (c.fsuid() != inode.uid() || !(c.inGroup(gid) || gid == inode.gid()))) {
                throw Errno.EPERM.exception();
            }
            mask |= SetAttributes.GID;
        }
        int mode = inode.mode();
        if (!inode.isDirectory()) {
            int kept = withoutPrivileges(mode);
            if (kept != mode) {
                mask |= SetAttributes.MODE;
                mode = kept;
            }
        }
        inode.setAttributes(new SetAttributes(mask, mode & FileMode.PERMISSIONS, uid, gid, 0, 0));
    }

    private static int withoutPrivileges(int mode) {
        int m = mode & ~FileMode.S_ISUID;
        return (m & FileMode.S_IXGRP) != 0 ? m & ~FileMode.S_ISGID : m;
    }

    /** A write by a caller without CAP_FSETID takes the set-id bits away. */
    static void dropPrivileges(Inode inode, boolean mayKeep) throws ErrnoException {
        if (mayKeep) {
            return;
        }
        int mode = inode.mode();
        int kept = withoutPrivileges(mode);
        if (kept != mode) {
            inode.setAttributes(SetAttributes.ofMode(kept & FileMode.PERMISSIONS));
        }
    }

    /**
     * utimensat(2).
     *
     * @param atimeNs nanoseconds since the epoch, {@link #TIME_NOW} or {@link #TIME_OMIT}
     */
    public void utimens(VfsContext context, VirtualDentry where, long atimeNs, long mtimeNs) throws ErrnoException {
        if (atimeNs == TIME_OMIT && mtimeNs == TIME_OMIT) {
            return;
        }
        Inode inode = writable(where);
        if (!Permissions.ownerOrCapable(inode, context.credentials())) {
            if (atimeNs != TIME_NOW || mtimeNs != TIME_NOW) {
                throw Errno.EPERM.exception();
            }
            inode.checkAccess(context, FileMode.MAY_WRITE);
        }
        long now = vfs.nowNs();
        int mask = (atimeNs == TIME_OMIT ? 0 : SetAttributes.ATIME) | (mtimeNs == TIME_OMIT ? 0 : SetAttributes.MTIME);
        inode.setAttributes(new SetAttributes(
                mask, 0, 0, 0, atimeNs == TIME_NOW ? now : atimeNs, mtimeNs == TIME_NOW ? now : mtimeNs));
    }

    /** truncate(2). */
    public void truncate(VfsContext context, VirtualDentry where, long size) throws ErrnoException {
        if (size < 0) {
            throw Errno.EINVAL.exception();
        }
        Inode inode = where.dentry().requireInode();
        if (inode.isDirectory()) {
            throw Errno.EISDIR.exception();
        }
        if (!inode.isRegular()) {
            throw Errno.EINVAL.exception();
        }
        writable(where);
        inode.checkAccess(context, FileMode.MAY_WRITE);
        inode.getWriteAccess();
        try {
            if (!inode.tryUse()) {
                throw Errno.ENOENT.exception();
            }
            try {
                inode.prepareWrite(size == 0);
                FileChanges.truncateOpened(context, inode, size);
            } finally {
                inode.unuse();
            }
        } finally {
            inode.putWriteAccess();
        }
    }

    // ---- extended attributes (xattr(7)) ----

    private static void checkXattr(VfsContext context, Inode inode, String name, boolean write) throws ErrnoException {
        if (name.isEmpty() || name.length() > XATTR_NAME_MAX) {
            throw Errno.ERANGE.exception();
        }
        if (name.startsWith("user.")) {
            if (!inode.isRegular() && !inode.isDirectory()) {
                throw (write ? Errno.EPERM : Errno.ENODATA).exception();
            }
            if (write
                    && inode.isDirectory()
                    && (inode.mode() & FileMode.S_ISVTX) != 0
                    && !Permissions.ownerOrCapable(inode, context.credentials())) {
                throw Errno.EPERM.exception();
            }
            inode.checkAccess(context, write ? FileMode.MAY_WRITE : FileMode.MAY_READ);
        } else if (name.startsWith("trusted.")) {
            if (!context.credentials().hasCapability(CAP_SYS_ADMIN)) {
                throw (write ? Errno.EPERM : Errno.ENODATA).exception();
            }
        } else if (!name.startsWith("security.")) {
            throw Errno.EOPNOTSUPP.exception();
        } else if (write && !context.credentials().hasCapability(CAP_SYS_ADMIN)) {
            throw Errno.EPERM.exception();
        }
    }

    public byte[] getXattr(VfsContext context, VirtualDentry where, String name) throws ErrnoException {
        Inode inode = where.dentry().requireInode();
        checkXattr(context, inode, name, false);
        return inode.getXattr(name);
    }

    public void setXattr(VfsContext context, VirtualDentry where, String name, byte[] value, int flags)
            throws ErrnoException {
        if ((flags & ~3) != 0) {
            throw Errno.EINVAL.exception();
        }
        if (value.length > XATTR_SIZE_MAX) {
            throw Errno.E2BIG.exception();
        }
        Inode inode = writable(where);
        checkXattr(context, inode, name, true);
        inode.setXattr(name, value, flags);
    }

    public void removeXattr(VfsContext context, VirtualDentry where, String name) throws ErrnoException {
        Inode inode = writable(where);
        checkXattr(context, inode, name, true);
        inode.removeXattr(name);
    }
}
