package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;

/** The caller of an ioctl(2) as a file sees it: its memory and credentials. Implemented by the task. */
public interface IoctlContext {
    Credentials credentials();

    /** The calling task, opaque here; terminals (above the kernel) cast it. */
    Object task();

    void copyIn(long address, byte[] destination) throws ErrnoException;

    void copyOut(long address, byte[] source) throws ErrnoException;
}
