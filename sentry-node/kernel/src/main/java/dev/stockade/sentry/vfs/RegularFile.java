package dev.stockade.sentry.vfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;

/** An open regular file: a position over an {@link Inode}'s contents. Lock order: position, then the inode's locks. */
public class RegularFile extends FileDescription {
    private static final int SEEK_SET = 0;
    private static final int SEEK_CUR = 1;
    private static final int SEEK_END = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    private final VirtualDentry where;
    private final Inode inode;
    private final boolean writeAccess;
    private final boolean keepsPrivileges;
    private final Object positionLock = new Object();

    @GuardedBy("positionLock")
    private long position;

    /**
     * @param flags of open(2); if they allow writing, the caller already has the inode's write access, which goes over
     * @throws ErrnoException ENOENT if the file was removed for good meanwhile
     */
    public RegularFile(VirtualDentry where, Inode inode, int flags, VfsContext opener) throws ErrnoException {
        if (!inode.tryUse()) {
            throw Errno.ENOENT.exception();
        }
        super(where, flags);
        this.where = where;
        this.inode = inode;
        this.keepsPrivileges = opener.credentials().hasCapability(Permissions.CAP_FSETID);
        this.writeAccess = (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY;
    }

    @Override
    protected void release() {
        if (writeAccess) {
            inode.putWriteAccess();
        }
        inode.unuse();
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        synchronized (positionLock) {
            long n = inode.read(sink, position);
            position += n;
            return n;
        }
    }

    @Override
    public long write(IoSource source) throws ErrnoException {
        AttributeChanges.dropPrivileges(inode, keepsPrivileges);
        synchronized (positionLock) {
            if ((statusFlags() & OpenFlags.O_APPEND) != 0) {
                long before = source.remaining();
                position = inode.append(source);
                return before - source.remaining();
            }
            long n = inode.write(source, position);
            position += n;
            return n;
        }
    }

    @Override
    public long pread(IoSink sink, long offset) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        return inode.read(sink, offset);
    }

    /** As on Linux, a file opened with O_APPEND is appended to whatever the offset (pwrite(2), BUGS). */
    @Override
    public long pwrite(IoSource source, long offset) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        AttributeChanges.dropPrivileges(inode, keepsPrivileges);
        if ((statusFlags() & OpenFlags.O_APPEND) != 0) {
            long before = source.remaining();
            inode.append(source);
            return before - source.remaining();
        }
        return inode.write(source, offset);
    }

    @Override
    public long seek(long offset, int whence) throws ErrnoException {
        synchronized (positionLock) {
            long base = switch (whence) {
                case SEEK_SET -> 0;
                case SEEK_CUR -> position;
                case SEEK_END -> inode.stat().size();
                case SEEK_DATA, SEEK_HOLE -> {
                    if (offset < 0 || offset >= inode.stat().size()) {
                        throw Errno.ENXIO.exception();
                    }
                    position = inode.seekDataOrHole(offset, whence == SEEK_HOLE);
                    yield -1;
                }
                default -> throw Errno.EINVAL.exception();
            };
            if (base >= 0) {
                long to = base + offset;
                if (to < 0) {
                    throw (offset > 0 ? Errno.EOVERFLOW : Errno.EINVAL).exception();
                }
                position = to;
            }
            return position;
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
    public void truncate(long size) throws ErrnoException {
        AttributeChanges.dropPrivileges(inode, keepsPrivileges);
        inode.truncate(size);
    }

    @Override
    public void allocate(int mode, long offset, long length) throws ErrnoException {
        inode.allocate(mode, offset, length);
    }

    @Override
    public void sync(boolean dataOnly) {}

    @Override
    public Mappable mappable() throws ErrnoException {
        Mappable m = inode.mappable();
        if (m instanceof Inode i) {
            i.setMappedAt(where);
        }
        return m;
    }
}
