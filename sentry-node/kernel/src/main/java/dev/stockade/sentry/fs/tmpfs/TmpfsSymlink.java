package dev.stockade.sentry.fs.tmpfs;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.VfsContext;

/** A symbolic link of a tmpfs. */
final class TmpfsSymlink extends TmpfsInode {
    private final byte[] target;

    TmpfsSymlink(TmpfsFilesystem fs, byte[] target, int uid, int gid) throws ErrnoException {
        super(fs, FileMode.S_IFLNK | 0777, uid, gid, target.length);
        this.target = target.clone();
    }

    @Override
    long size() {
        return target.length;
    }

    @Override
    public byte[] readLink(VfsContext context) {
        touchAccessed();
        return target;
    }
}
