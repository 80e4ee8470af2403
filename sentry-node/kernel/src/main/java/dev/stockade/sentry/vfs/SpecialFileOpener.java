package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;

/** Opens the FIFOs, the sockets, or the device nodes of one device. Thread-safe. */
@FunctionalInterface
public interface SpecialFileOpener {
    FileDescription open(VfsContext context, VirtualDentry where, int flags) throws ErrnoException;
}
