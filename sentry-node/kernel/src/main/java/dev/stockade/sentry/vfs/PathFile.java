package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;

/** A place in the tree as a file description (O_PATH of open(2)): it can be named, not read or written. */
public final class PathFile extends FileDescription {
    private final Inode inode;
    private final boolean used;

    public PathFile(VirtualDentry where, int flags) {
        super(where, flags);
        this.inode = where.dentry().requireInode();
        this.used = inode.tryUse();
    }

    @Override
    protected void release() {
        if (used) {
            inode.unuse();
        }
    }

    @Override
    public boolean isPollable() {
        return false;
    }

    @Override
    public Stat stat() throws ErrnoException {
        return inode.stat();
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public long write(IoSource source) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public long pread(IoSink sink, long offset) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public long pwrite(IoSource source, long offset) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public long seek(long offset, int whence) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public long ioctl(int request, long argument, IoctlContext context) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public void truncate(long size) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public void allocate(int mode, long offset, long length) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public void sync(boolean dataOnly) throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public Mappable mappable() throws ErrnoException {
        throw Errno.EBADF.exception();
    }

    @Override
    public void iterateDirents(DirentCallback callback) throws ErrnoException {
        throw Errno.EBADF.exception();
    }
}
