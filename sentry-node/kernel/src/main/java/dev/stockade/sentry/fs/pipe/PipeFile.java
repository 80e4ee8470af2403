package dev.stockade.sentry.fs.pipe;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.IoctlContext;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.Waitable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** An end, or both ends, of a pipe or FIFO. */
public final class PipeFile extends FileDescription {
    private static final int FIONREAD = 0x541B;

    private final Pipe pipe;
    private final Inode inode;
    private final boolean reader;
    private final boolean writer;
    private final boolean fifo;

    /** How often the other end had been opened when this was: an open waits for one more, or for one that is there. */
    private final long otherOpens;

    private final long seenWriterOpens;
    private volatile boolean opened;

    private PipeFile(
            VirtualDentry where, int flags, Pipe pipe, boolean reader, boolean writer, boolean fifo, boolean opened) {
        super(where, flags);
        this.pipe = pipe;
        this.inode = where.dentry().requireInode();
        this.reader = reader;
        this.writer = writer;
        this.fifo = fifo;
        this.opened = opened;
        this.otherOpens = reader ? pipe.writerOpens() : pipe.readerOpens();
        this.seenWriterOpens = reader && !writer && fifo && !pipe.hasWriters() ? pipe.writerOpens() : -1;
        pipe.open(reader, writer);
    }

    /** One end of an anonymous pipe, complete at once. */
    static PipeFile end(VirtualDentry where, int flags, Pipe pipe, boolean reader) {
        return new PipeFile(where, flags, pipe, reader, !reader, false, true);
    }

    /**
     * fifo(7): an open for reading waits for a writer, one for writing for a reader; both at once for nobody. A pipe
     * without a name that is opened again through /proc/pid/fd waits for nobody either (fifo_open in fs/pipe.c).
     */
    static PipeFile open(VirtualDentry where, int flags, Pipe pipe) throws ErrnoException {
        boolean nonblocking = (flags & OpenFlags.O_NONBLOCK) != 0;
        if (where.dentry().inode() instanceof PipeInode) {
            int mode = flags & OpenFlags.O_ACCMODE;
            if (mode == OpenFlags.O_ACCMODE) {
                throw Errno.EINVAL.exception();
            }
            return new PipeFile(
                    where, flags, pipe, mode != OpenFlags.O_WRONLY, mode != OpenFlags.O_RDONLY, false, true);
        }
        return switch (flags & OpenFlags.O_ACCMODE) {
            case OpenFlags.O_RDONLY ->
                new PipeFile(where, flags, pipe, true, false, true, nonblocking || pipe.hasWriters());
            case OpenFlags.O_WRONLY -> {
                if (nonblocking && !pipe.hasReaders()) {
                    throw Errno.ENXIO.exception();
                }
                yield new PipeFile(where, flags, pipe, false, true, true, nonblocking || pipe.hasReaders());
            }
            case OpenFlags.O_RDWR -> new PipeFile(where, flags, pipe, true, true, true, true);
            default -> throw Errno.EINVAL.exception();
        };
    }

    @Override
    protected void release() {
        pipe.close(reader, writer);
    }

    @Override
    public @Nullable Waitable pendingOpen() {
        if (opened || otherIsThere()) {
            opened = true;
            return null;
        }
        return new Waitable() {
            @Override
            public int readiness(int mask) {
                return otherIsThere() ? mask : 0;
            }

            @Override
            public void register(WaitEntry entry, int mask) {
                pipe.queue().register(entry, mask | PollEvents.IN | PollEvents.OUT);
            }

            @Override
            public void unregister(WaitEntry entry) {
                pipe.queue().unregister(entry);
            }
        };
    }

    private boolean otherIsThere() {
        return reader
                ? pipe.hasWriters() || pipe.writerOpens() != otherOpens
                : pipe.hasReaders() || pipe.readerOpens() != otherOpens;
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        return pipe.read(sink);
    }

    @Override
    public long write(IoSource source) throws ErrnoException {
        return pipe.write(source);
    }

    @Override
    public Stat stat() throws ErrnoException {
        return inode.stat();
    }

    @Override
    public long ioctl(int request, long argument, IoctlContext context) throws ErrnoException {
        if (request == FIONREAD) {
            byte[] b = new byte[4];
            ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putInt(pipe.available());
            context.copyOut(argument, b);
            return 0;
        }
        throw Errno.ENOTTY.exception();
    }

    @Override
    public int readiness(int mask) {
        return pipe.readiness(reader, writer, seenWriterOpens) & (mask | PollEvents.POLLERR | PollEvents.POLLHUP);
    }

    @Override
    public void register(WaitEntry entry, int mask) {
        pipe.queue().register(entry, mask);
    }

    @Override
    public void unregister(WaitEntry entry) {
        pipe.queue().unregister(entry);
    }

    public boolean isFifo() {
        return fifo;
    }

    /** F_GETPIPE_SZ. */
    public int capacity() {
        return pipe.capacity();
    }

    /**
     * F_SETPIPE_SZ.
     *
     * @param privileged has CAP_SYS_RESOURCE; that does not lift the limit here, only the error differs
     */
    public int setCapacity(long wanted, boolean privileged) throws ErrnoException {
        if (wanted <= 0 || wanted > Integer.MAX_VALUE) {
            throw Errno.EINVAL.exception();
        }
        if (wanted > Pipe.MAX_CAPACITY) {
            throw (privileged ? Errno.ENOMEM : Errno.EPERM).exception();
        }
        return pipe.setCapacity((int) wanted);
    }
}
