package dev.stockade.sentry.mm;

import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.Machine;
import java.util.Arrays;

/**
 * Frames whose translations were taken away and references that go with them: revoked in few runs, then dropped. Guarded
 * by {@code MemoryManager.lock} held for writing.
 */
final class RevocationBatch {
    private static final int CAPACITY = 4096;

    /** A revocation costs a host call (6-9 us) and its frames a fault each if they are still used: span small gaps. */
    private static final long GAP = 2L << FrameAllocator.FRAME_SHIFT;

    /** Beyond so many runs one revocation of everything between is cheaper. */
    private static final int MANY_RUNS = 48;

    private final Machine machine;
    private final FrameAllocator frames;
    private long[] stale = new long[64];
    private int staleCount;
    private long[] dropped = new long[64];
    private int droppedCount;

    RevocationBatch(Machine machine, FrameAllocator frames) {
        this.machine = machine;
        this.frames = frames;
    }

    /** A translation to this frame may still be in use by some processor. */
    void revoke(long frame) {
        if (staleCount == CAPACITY) {
            flush();
        }
        if (staleCount == stale.length) {
            stale = Arrays.copyOf(stale, staleCount * 2);
        }
        stale[staleCount++] = frame;
    }

    /** Drops a reference to the frame once the revocations are done. */
    void drop(long frame) {
        if (droppedCount == CAPACITY) {
            flush();
        }
        if (droppedCount == dropped.length) {
            dropped = Arrays.copyOf(dropped, droppedCount * 2);
        }
        dropped[droppedCount++] = frame;
    }

    void flush() {
        if (staleCount > 0) {
            Arrays.sort(stale, 0, staleCount);
            int runs = 1;
            for (int i = 1; i < staleCount; i++) {
                if (stale[i] - stale[i - 1] > FrameAllocator.FRAME_SIZE + GAP) {
                    runs++;
                }
            }
            long reach = runs > MANY_RUNS ? Long.MAX_VALUE : FrameAllocator.FRAME_SIZE + GAP;
            for (int i = 0; i < staleCount; ) {
                int j = i + 1;
                while (j < staleCount && stale[j] - stale[j - 1] <= reach) {
                    j++;
                }
                machine.revoke(stale[i], stale[j - 1] - stale[i] + FrameAllocator.FRAME_SIZE);
                i = j;
            }
            staleCount = 0;
        }
        if (droppedCount > 0) {
            frames.decRef(dropped, droppedCount);
            droppedCount = 0;
        }
    }
}
