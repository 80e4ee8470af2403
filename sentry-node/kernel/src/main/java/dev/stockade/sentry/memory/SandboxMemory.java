package dev.stockade.sentry.memory;

import java.lang.foreign.MemorySegment;

/** The backing memory of a sandbox as the JVM sees it: zeroed until touched. Thread-safe; contents race as in hardware. */
public interface SandboxMemory {
    /** The whole memory; offsets in it are frame offsets. Guest threads write it at any time: read each value once. */
    MemorySegment segment();

    /** Size in bytes, a multiple of 4096. */
    long size();

    /**
     * Gives host memory of this range back; it reads as zeros afterwards. No guest translation to it may be left.
     *
     * @param offset page-aligned
     * @param lengthBytes a multiple of 4096
     */
    void release(long offset, long lengthBytes);

    /**
     * A hint: guests are about to use all of this range. Where a first touch is dear, host memory is put there at once.
     *
     * @param offset page-aligned
     * @param lengthBytes a multiple of 4096
     */
    default void populate(long offset, long lengthBytes) {}
}
