package dev.stockade.sentry.fs.overlay;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import java.lang.foreign.MemorySegment;

/** Copies the contents of one file to another. */
final class CopyBuffer implements IoSink, IoSource {
    private static final int SIZE = 256 * 1024;

    private final MemorySegment buffer;
    private int filled;
    private int drained;

    private CopyBuffer(int size) {
        this.buffer = MemorySegment.ofArray(new byte[size]);
    }

    private boolean draining;

    static void copy(Inode from, Inode to, long size) throws ErrnoException {
        CopyBuffer b = new CopyBuffer(Math.clamp(size, 1, SIZE));
        long at = 0;
        while (at < size) {
            b.filled = 0;
            b.drained = 0;
            b.draining = false;
            if (from.read(b, at) <= 0) {
                break;
            }
            b.draining = true;
            while (b.drained < b.filled) {
                if (to.write(b, at + b.drained) <= 0) {
                    throw Errno.EIO.exception();
                }
            }
            at += b.filled;
        }
    }

    @Override
    public long remaining() {
        return draining ? filled - drained : buffer.byteSize() - filled;
    }

    @Override
    public int put(MemorySegment source, long offset, int length) {
        int n = (int) Math.min(length, buffer.byteSize() - filled);
        MemorySegment.copy(source, offset, buffer, filled, n);
        filled += n;
        return n;
    }

    @Override
    public int take(MemorySegment destination, long offset, int length) {
        int n = Math.min(length, filled - drained);
        MemorySegment.copy(buffer, drained, destination, offset, n);
        drained += n;
        return n;
    }
}
