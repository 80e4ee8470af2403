package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;

/** Where a read puts its bytes: guest memory (made by {@code mm}) or a kernel buffer. One thread at a time. */
public interface IoSink {
    /** Bytes that may still be put. */
    long remaining();

    /**
     * Puts up to {@code length} bytes and advances.
     *
     * @return how many were put: fewer than min(length, remaining) only where guest memory faulted after some
     * @throws ErrnoException EFAULT if guest memory faulted before the first byte of this call
     */
    int put(MemorySegment source, long offset, int length) throws ErrnoException;
}
