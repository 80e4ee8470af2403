package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Guest memory that a read or write goes through from its beginning (Linux's iov_iter). One thread at a time. */
abstract sealed class UserBuffer {
    private final UserAccess access;
    private final List<IoVector> vectors;
    private int index;

    /** In the vector at {@link #index}. */
    private long position;

    private long remaining;

    private UserBuffer(UserAccess access, List<IoVector> vectors) {
        this.access = access;
        this.vectors = vectors;
        for (IoVector v : vectors) {
            remaining += v.length();
        }
    }

    public final long remaining() {
        return remaining;
    }

    /** Moves up to {@code length} bytes from or to a kernel buffer. */
    final int advance(MemorySegment buffer, long offset, int length) throws ErrnoException {
        int done = 0;
        while (done < length && remaining > 0) {
            IoVector v = vectors.get(index);
            long n = Math.min(length - done, v.length() - position);
            if (n > 0) {
                long moved = 0;
                if (Layout.isUserRange(v.address(), v.length())) {
                    moved = move(access, v.address() + position, buffer, offset + done, n);
                }
                done += (int) moved;
                position += moved;
                remaining -= moved;
                if (moved < n) {
                    if (done == 0) {
                        throw Errno.EFAULT.exception();
                    }
                    return done;
                }
            }
            if (position == v.length()) {
                index++;
                position = 0;
            }
        }
        return done;
    }

    abstract long move(UserAccess to, long address, MemorySegment buffer, long offset, long length);

    static final class Sink extends UserBuffer implements IoSink {
        Sink(UserAccess access, List<IoVector> vectors) {
            super(access, vectors);
        }

        @Override
        public int put(MemorySegment source, long offset, int length) throws ErrnoException {
            return advance(source, offset, length);
        }

        @Override
        long move(UserAccess to, long address, MemorySegment buffer, long offset, long length) {
            return to.copyOutSome(address, buffer, offset, length);
        }
    }

    static final class Source extends UserBuffer implements IoSource {
        Source(UserAccess access, List<IoVector> vectors) {
            super(access, vectors);
        }

        @Override
        public int take(MemorySegment destination, long offset, int length) throws ErrnoException {
            return advance(destination, offset, length);
        }

        @Override
        long move(UserAccess from, long address, MemorySegment buffer, long offset, long length) {
            return from.copyInSome(address, buffer, offset, length);
        }
    }
}
