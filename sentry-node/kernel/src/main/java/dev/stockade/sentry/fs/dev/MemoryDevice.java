package dev.stockade.sentry.fs.dev;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** An open /dev/null, zero, full, random or urandom (drivers/char/mem.c). */
final class MemoryDevice extends FileDescription {
    enum Kind {
        NULL,
        ZERO,
        FULL,
        RANDOM
    }

    private static final int CHUNK = 4096;

    /** Most random bytes that one read gives, so that it ends soon (random(4) has had the same limit). */
    private static final long MAX_RANDOM = 32 << 20;

    private static final MemorySegment ZEROS =
            MemorySegment.ofArray(new byte[65536]).asReadOnly();

    private final Inode inode;
    private final Kind kind;
    private final @Nullable RandomGenerator random;

    MemoryDevice(VirtualDentry where, int flags, Kind kind, @Nullable RandomGenerator random) {
        super(where, flags);
        this.inode = where.dentry().requireInode();
        this.kind = kind;
        this.random = random;
    }

    @Override
    protected void release() {}

    @Override
    public Stat stat() throws ErrnoException {
        return inode.stat();
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        return switch (kind) {
            case NULL -> 0;
            case ZERO, FULL -> fill(sink);
            case RANDOM -> fillRandom(sink);
        };
    }

    private static long fill(IoSink sink) throws ErrnoException {
        long total = 0;
        while (sink.remaining() > 0) {
            int n = (int) Math.min(sink.remaining(), ZEROS.byteSize());
            int put;
            try {
                put = sink.put(ZEROS, 0, n);
            } catch (ErrnoException e) {
                if (total > 0) {
                    return total;
                }
                throw e;
            }
            total += put;
            if (put < n) {
                break;
            }
        }
        return total;
    }

    private long fillRandom(IoSink sink) throws ErrnoException {
        RandomGenerator generator = random;
        if (generator == null) {
            throw Errno.EIO.exception();
        }
        byte[] chunk = new byte[(int) Math.min(sink.remaining(), CHUNK)];
        MemorySegment segment = MemorySegment.ofArray(chunk);
        long total = 0;
        while (sink.remaining() > 0 && total < MAX_RANDOM) {
            generator.nextBytes(chunk);
            int n = (int) Math.min(sink.remaining(), chunk.length);
            int put;
            try {
                put = sink.put(segment, 0, n);
            } catch (ErrnoException e) {
                if (total > 0) {
                    return total;
                }
                throw e;
            }
            total += put;
            if (put < n) {
                break;
            }
        }
        return total;
    }

    /** The bytes are not even looked at, as on Linux (random mixes them in there; here the generator needs none). */
    @Override
    public long write(IoSource source) throws ErrnoException {
        if (kind == Kind.FULL) {
            throw Errno.ENOSPC.exception();
        }
        return source.remaining();
    }

    @Override
    public long pread(IoSink sink, long offset) throws ErrnoException {
        return read(sink);
    }

    @Override
    public long pwrite(IoSource source, long offset) throws ErrnoException {
        return write(source);
    }

    @Override
    public long seek(long offset, int whence) {
        return 0;
    }
}
