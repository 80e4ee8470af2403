package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.VirtualDentry;

/** Builds the file system tree of a new sandbox; supplied by whoever creates the kernel. */
@FunctionalInterface
public interface RootSetup {
    /**
     * Mounts everything and returns the root directory of the first mount namespace. The kernel has memory and
     * clocks, but no task yet.
     */
    VirtualDentry mountRoot(Kernel kernel) throws ErrnoException;
}
