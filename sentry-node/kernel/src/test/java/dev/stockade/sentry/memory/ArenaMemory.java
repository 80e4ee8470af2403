package dev.stockade.sentry.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** Backing memory for tests: native memory that the collector frees. */
public final class ArenaMemory implements SandboxMemory {
    private final MemorySegment segment;
    private final AtomicLong released = new AtomicLong();

    public ArenaMemory(long size) {
        segment = Arena.ofAuto().allocate(size, 4096);
    }

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public long size() {
        return segment.byteSize();
    }

    @Override
    public void release(long offset, long lengthBytes) {
        if (((offset | lengthBytes) & 4095) != 0) {
            throw new IllegalArgumentException("release " + offset + "+" + lengthBytes);
        }
        segment.asSlice(offset, lengthBytes).fill((byte) 0);
        released.addAndGet(lengthBytes);
    }

    /** Bytes given back so far. */
    public long released() {
        return released.get();
    }
}
