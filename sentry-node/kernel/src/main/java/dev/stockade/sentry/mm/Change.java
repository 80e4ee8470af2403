package dev.stockade.sentry.mm;

import java.util.ArrayList;
import java.util.List;

/**
 * A change of an address space in progress: from {@link MemoryManager#change()} to {@link #close()} the lock is held
 * for writing. Closing revokes, drops frames, unlocks, and only then lets go of files. One per address space.
 */
final class Change implements AutoCloseable {
    private final MemoryManager mm;
    private final RevocationBatch batch;
    private List<MappedFile> released = new ArrayList<>(2);
    private long stamp;

    Change(MemoryManager mm, RevocationBatch batch) {
        this.mm = mm;
        this.batch = batch;
    }

    void begin(long writeStamp) {
        stamp = writeStamp;
    }

    /** Files without an area any more. */
    List<MappedFile> released() {
        return released;
    }

    @Override
    public void close() {
        List<MappedFile> files = List.of();
        try {
            batch.flush();
        } finally {
            if (!released.isEmpty()) {
                files = released;
                released = new ArrayList<>(2);
            }
            mm.notePeaks();
            mm.lock.unlockWrite(stamp);
        }
        for (MappedFile file : files) {
            file.release();
        }
    }
}
