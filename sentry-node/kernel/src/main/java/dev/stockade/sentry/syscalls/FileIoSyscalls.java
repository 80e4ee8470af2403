package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.kernel.SigInfo;
import dev.stockade.sentry.kernel.SignalSender;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.IoVector;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.KernelBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reading and writing: read(2), write(2), readv(2), pread(2), preadv2(2), lseek(2), sendfile(2), ... */
final class FileIoSyscalls {
    /** Most that one call transfers (MAX_RW_COUNT). */
    private static final long MAX_COUNT = 0x7ffff000L;

    private static final int IOV_MAX = 1024;
    private static final int COPY_CHUNK = 65536;

    private static final int SEEK_SET = 0;
    private static final int SEEK_CUR = 1;

    private static final int RWF_NOWAIT = 8;
    private static final int RWF_APPEND = 16;

    /** RWF_HIPRI, RWF_DSYNC, RWF_SYNC: nothing here is slower or less durable without them. */
    private static final int RWF_IGNORED = 7;

    private FileIoSyscalls() {}

    // ---- one read, one write ----

    private static long readFile(Task t, FileDescription f, IoSink sink) throws ErrnoException {
        if (!f.isReadable()) {
            throw Errno.EBADF.exception();
        }
        return t.blocking().io(f, PollEvents.IN, () -> f.read(sink));
    }

    private static long preadFile(FileDescription f, IoSink sink, long offset) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        if (!f.isReadable()) {
            throw Errno.EBADF.exception();
        }
        return f.pread(sink, offset);
    }

    /** Writes all of it unless something stops it; what was written before an error or a signal counts. */
    private static long writeFile(Task t, FileDescription f, IoSource source, long count) throws ErrnoException {
        if (!f.isWritable()) {
            throw Errno.EBADF.exception();
        }
        long total = 0;
        try {
            do {
                long n = t.blocking().io(f, PollEvents.OUT, () -> f.write(source));
                if (n == 0) {
                    break;
                }
                total += n;
            } while (total < count);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EPIPE) {
                SignalSender.sendToTask(t, SigInfo.kernel(Signal.SIGPIPE));
            }
            if (total == 0) {
                throw e;
            }
        }
        return total;
    }

    private static long pwriteFile(FileDescription f, IoSource source, long offset) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        if (!f.isWritable()) {
            throw Errno.EBADF.exception();
        }
        return f.pwrite(source, offset);
    }

    /**
     * How much of a write RLIMIT_FSIZE lets through.
     *
     * @param offset -1 for the file's own position
     */
    private static long limited(Task t, FileDescription f, long count, long offset) throws ErrnoException {
        long limit = t.threadGroup().limits().soft(Resource.RLIMIT_FSIZE);
        Inode inode = f.inode();
        if (limit == Resource.RLIM_INFINITY || inode == null || !inode.isRegular() || count == 0) {
            return count;
        }
        long at = (f.statusFlags() & OpenFlags.O_APPEND) != 0
                ? inode.stat().size()
                : offset >= 0 ? offset : f.seek(0, SEEK_CUR);
        if (Long.compareUnsigned(at, limit) >= 0) {
            SignalSender.sendToTask(t, SigInfo.kernel(Signal.SIGXFSZ));
            throw Errno.EFBIG.exception();
        }
        // A limit of 2^63 and more is a negative number here.
        return Long.compareUnsigned(limit - at, count) < 0 ? limit - at : count;
    }

    private static long count(long size) throws ErrnoException {
        if (size < 0) {
            throw Errno.EINVAL.exception();
        }
        return Math.min(size, MAX_COUNT);
    }

    // ---- calls ----

    static long read(Task t, SyscallArgs a) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            return readFile(t, f, t.memoryManager().sink(a.longAt(1), count(a.longAt(2))));
        } finally {
            f.decRef();
        }
    }

    static long write(Task t, SyscallArgs a) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            long n = limited(t, f, count(a.longAt(2)), -1);
            return writeFile(t, f, t.memoryManager().source(a.longAt(1), n), n);
        } finally {
            f.decRef();
        }
    }

    static long pread64(Task t, SyscallArgs a) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            return preadFile(f, t.memoryManager().sink(a.longAt(1), count(a.longAt(2))), a.longAt(3));
        } finally {
            f.decRef();
        }
    }

    static long pwrite64(Task t, SyscallArgs a) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            long n = limited(t, f, count(a.longAt(2)), a.longAt(3));
            return pwriteFile(f, t.memoryManager().source(a.longAt(1), n), a.longAt(3));
        } finally {
            f.decRef();
        }
    }

    // ---- vectors ----

    /** The vectors of a call, cut to what one call transfers. */
    static List<IoVector> vectors(Task t, long address, int count) throws ErrnoException {
        if (count < 0 || count > IOV_MAX) {
            throw Errno.EINVAL.exception();
        }
        MemoryManager mm = t.memoryManager();
        List<IoVector> list = new ArrayList<>(count);
        long total = 0;
        for (int i = 0; i < count; i++) {
            long base = mm.readLong(address + 16L * i);
            long length = mm.readLong(address + 16L * i + 8);
            if (length < 0) {
                throw Errno.EINVAL.exception();
            }
            long n = Math.min(length, MAX_COUNT - total);
            if (n > 0) {
                list.add(new IoVector(base, n));
                total += n;
            }
        }
        return list;
    }

    private static List<IoVector> cut(List<IoVector> vectors, long length) {
        List<IoVector> list = new ArrayList<>(vectors.size());
        long left = length;
        for (IoVector v : vectors) {
            long n = Math.min(v.length(), left);
            if (n > 0) {
                list.add(new IoVector(v.address(), n));
            }
            left -= n;
        }
        return list;
    }

    private static long length(List<IoVector> vectors) {
        long n = 0;
        for (IoVector v : vectors) {
            n += v.length();
        }
        return n;
    }

    static long readv(Task t, SyscallArgs a) throws ErrnoException {
        return readVectors(t, a, -1);
    }

    static long writev(Task t, SyscallArgs a) throws ErrnoException {
        return writeVectors(t, a, -1);
    }

    static long preadv(Task t, SyscallArgs a) throws ErrnoException {
        return readVectors(t, a, offset(a));
    }

    static long pwritev(Task t, SyscallArgs a) throws ErrnoException {
        return writeVectors(t, a, offset(a));
    }

    static long preadv2(Task t, SyscallArgs a) throws ErrnoException {
        checkRwFlags(a.intAt(5));
        return readVectors(t, a, a.longAt(3) == -1 ? -1 : offset(a));
    }

    static long pwritev2(Task t, SyscallArgs a) throws ErrnoException {
        checkRwFlags(a.intAt(5));
        return writeVectors(t, a, a.longAt(3) == -1 ? -1 : offset(a));
    }

    private static long offset(SyscallArgs a) throws ErrnoException {
        long offset = a.longAt(3);
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        return offset;
    }

    private static void checkRwFlags(int flags) throws ErrnoException {
        if ((flags & ~(RWF_IGNORED | RWF_NOWAIT | RWF_APPEND)) != 0 || (flags & (RWF_NOWAIT | RWF_APPEND)) != 0) {
            throw Errno.EOPNOTSUPP.exception();
        }
    }

    private static long readVectors(Task t, SyscallArgs a, long offset) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            IoSink sink = t.memoryManager().sink(vectors(t, a.longAt(1), a.intAt(2)));
            return offset < 0 ? readFile(t, f, sink) : preadFile(f, sink, offset);
        } finally {
            f.decRef();
        }
    }

    private static long writeVectors(Task t, SyscallArgs a, long offset) throws ErrnoException {
        FileDescription f = t.fdTable().get(a.intAt(0));
        try {
            List<IoVector> vectors = vectors(t, a.longAt(1), a.intAt(2));
            long wanted = length(vectors);
            long n = limited(t, f, wanted, offset);
            IoSource source = t.memoryManager().source(n < wanted ? cut(vectors, n) : vectors);
            return offset < 0 ? writeFile(t, f, source, n) : pwriteFile(f, source, offset);
        } finally {
            f.decRef();
        }
    }

    // ---- positions ----

    static long lseek(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> f.seek(a.longAt(1), a.intAt(2)));
    }

    static long readahead(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> {
            Inode inode = f.inode();
            if (!f.isReadable()) {
                throw Errno.EBADF.exception();
            }
            if (inode == null || !inode.isRegular()) {
                throw Errno.EINVAL.exception();
            }
            return 0;
        });
    }

    static long fadvise64(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> {
            Inode inode = f.inode();
            if (inode == null || inode.type() == FileMode.S_IFIFO) {
                throw Errno.ESPIPE.exception();
            }
            if (a.longAt(2) < 0 || a.intAt(3) < 0 || a.intAt(3) > 5) {
                throw Errno.EINVAL.exception();
            }
            return 0;
        });
    }

    // ---- from file to file ----

    static long sendfile(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(
                t,
                a.intAt(1),
                in -> FileArguments.withFile(t, a.intAt(0), out -> {
                    if (!in.isReadable() || !out.isWritable()) {
                        throw Errno.EBADF.exception();
                    }
                    if ((out.statusFlags() & OpenFlags.O_APPEND) != 0) {
                        throw Errno.EINVAL.exception();
                    }
                    return transfer(t, in, a.longAt(2), out, 0, count(a.longAt(3)));
                }));
    }

    static long copy_file_range(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(5) != 0) {
            throw Errno.EINVAL.exception();
        }
        return FileArguments.withFile(
                t,
                a.intAt(0),
                in -> FileArguments.withFile(t, a.intAt(2), out -> {
                    Inode from = in.inode();
                    Inode to = out.inode();
                    if (from == null || to == null) {
                        throw Errno.EINVAL.exception();
                    }
                    if (from.isDirectory() || to.isDirectory()) {
                        throw Errno.EISDIR.exception();
                    }
                    if (!from.isRegular() || !to.isRegular()) {
                        throw Errno.EINVAL.exception();
                    }
                    if (!in.isReadable() || !out.isWritable() || (out.statusFlags() & OpenFlags.O_APPEND) != 0) {
                        throw Errno.EBADF.exception();
                    }
                    long length = count(a.longAt(4));
                    if (from == to) {
                        long i = position(t, in, a.longAt(1));
                        long o = position(t, out, a.longAt(3));
                        if (i < o + length && o < i + length) {
                            throw Errno.EINVAL.exception();
                        }
                    }
                    return transfer(t, in, a.longAt(1), out, a.longAt(3), length);
                }));
    }

    private static long position(Task t, FileDescription f, long offsetAddress) throws ErrnoException {
        return offsetAddress == 0 ? f.seek(0, SEEK_CUR) : t.memoryManager().readLong(offsetAddress);
    }

    /**
     * Copies through a kernel buffer.
     *
     * @param inOffset address of the position to read at and to update; 0 for the file's own
     * @param outOffset the same for writing
     */
    private static long transfer(
            Task t, FileDescription in, long inOffset, FileDescription out, long outOffset, long length)
            throws ErrnoException {
        long readAt = position(t, in, inOffset);
        long writeAt = outOffset == 0 ? -1 : position(t, out, outOffset);
        if (readAt < 0 || (outOffset != 0 && writeAt < 0)) {
            throw Errno.EINVAL.exception();
        }
        KernelBuffer buffer = new KernelBuffer((int) Math.min(length, COPY_CHUNK));
        long total = 0;
        @Nullable ErrnoException failure = null;
        while (total < length) {
            try {
                buffer.fill((int) Math.min(length - total, buffer.capacity()));
                if (in.pread(buffer, readAt + total) <= 0) {
                    break;
                }
                buffer.drain();
                int wanted = buffer.filled();
                long n = writeAt < 0
                        ? writeFile(t, out, buffer, limited(t, out, wanted, -1))
                        : pwriteFile(out, buffer, writeAt + total);
                total += n;
                if (n < wanted) {
                    break;
                }
            } catch (ErrnoException e) {
                failure = e;
                break;
            }
        }
        if (total == 0 && failure != null) {
            throw failure;
        }
        advance(t, in, inOffset, readAt + total);
        if (outOffset != 0) {
            t.memoryManager().writeLong(outOffset, writeAt + total);
        }
        return total;
    }

    private static void advance(Task t, FileDescription f, long offsetAddress, long to) throws ErrnoException {
        if (offsetAddress == 0) {
            f.seek(to, SEEK_SET);
        } else {
            t.memoryManager().writeLong(offsetAddress, to);
        }
    }
}
