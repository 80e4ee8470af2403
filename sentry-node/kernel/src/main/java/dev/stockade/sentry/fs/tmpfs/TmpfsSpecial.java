package dev.stockade.sentry.fs.tmpfs;

import dev.stockade.sentry.abi.ErrnoException;

/** A FIFO, socket or device node of a tmpfs. */
final class TmpfsSpecial extends TmpfsInode {
    private final long rdev;

    TmpfsSpecial(TmpfsFilesystem fs, int mode, int uid, int gid, long rdev) throws ErrnoException {
        super(fs, mode, uid, gid, 0);
        this.rdev = rdev;
    }

    @Override
    public long rdev() {
        return rdev;
    }
}
