package dev.stockade.sentry.boot;

import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A byte array that files are read into or written from. One thread at a time. */
final class HeapBuffer implements IoSink, IoSource {
    private final byte[] bytes;
    private int position;

    /** To read into: {@code length} bytes of room. */
    HeapBuffer(int length) {
        this.bytes = new byte[length];
    }

    /** To write from. */
    HeapBuffer(byte[] bytes) {
        this.bytes = bytes;
    }

    @Override
    public long remaining() {
        return (long) bytes.length - position;
    }

    @Override
    public int put(MemorySegment source, long offset, int length) {
        int n = (int) Math.min(length, remaining());
        MemorySegment.copy(source, offset, MemorySegment.ofArray(bytes), position, n);
        position += n;
        return n;
    }

    @Override
    public int take(MemorySegment destination, long offset, int length) {
        int n = (int) Math.min(length, remaining());
        MemorySegment.copy(MemorySegment.ofArray(bytes), position, destination, offset, n);
        position += n;
        return n;
    }

    /** What was read so far. */
    byte[] contents() {
        return Arrays.copyOf(bytes, position);
    }
}
