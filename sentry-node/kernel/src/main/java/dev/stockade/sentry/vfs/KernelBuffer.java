package dev.stockade.sentry.vfs;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A buffer of the kernel's own that is filled by a read and then drained by writes. Used by one thread. */
public final class KernelBuffer implements IoSink, IoSource {
    private final MemorySegment buffer;
    private int filled;
    private int drained;
    private int limit;
    private boolean draining;

    public KernelBuffer(int capacity) {
        this.buffer = MemorySegment.ofArray(new byte[capacity]);
    }

    /** A source of these bytes, which are not copied. */
    public static KernelBuffer of(byte[] bytes) {
        return new KernelBuffer(MemorySegment.ofArray(bytes), bytes.length);
    }

    private KernelBuffer(MemorySegment buffer, int filled) {
        this.buffer = buffer;
        this.filled = filled;
        this.draining = true;
    }

    public int capacity() {
        return (int) buffer.byteSize();
    }

    /** Begins to take up to {@code bytes}. */
    public KernelBuffer fill(int bytes) {
        filled = 0;
        drained = 0;
        limit = bytes;
        draining = false;
        return this;
    }

    /** Begins, or begins again from the first byte, to give what was filled. */
    public KernelBuffer drain() {
        drained = 0;
        draining = true;
        return this;
    }

    public int filled() {
        return filled;
    }

    public int drained() {
        return drained;
    }

    /** What was filled. */
    public byte[] bytes() {
        return buffer.asSlice(0, filled).toArray(ValueLayout.JAVA_BYTE);
    }

    @Override
    public long remaining() {
        return draining ? filled - drained : limit - filled;
    }

    @Override
    public int put(MemorySegment source, long offset, int length) {
        int n = Math.min(length, limit - filled);
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
