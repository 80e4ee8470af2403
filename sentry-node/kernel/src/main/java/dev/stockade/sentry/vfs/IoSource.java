package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;

/** Where a write takes its bytes: guest memory (made by {@code mm}) or a kernel buffer. One thread at a time. */
public interface IoSource {
    /** Bytes that may still be taken. */
    long remaining();

    /**
     * Takes up to {@code length} bytes and advances.
     *
     * @return how many were taken: fewer than min(length, remaining) only where guest memory faulted after some
     * @throws ErrnoException EFAULT if guest memory faulted before the first byte of this call
     */
    int take(MemorySegment destination, long offset, int length) throws ErrnoException;
}
