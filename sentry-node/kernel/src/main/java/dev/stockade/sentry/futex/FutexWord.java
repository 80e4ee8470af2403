package dev.stockade.sentry.futex;

import dev.stockade.sentry.abi.ErrnoException;

/** Reads a futex word atomically; called with a queue's lock held. */
@FunctionalInterface
public interface FutexWord {
    /** @throws ErrnoException EFAULT */
    int load() throws ErrnoException;
}
