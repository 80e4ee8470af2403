package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;

/** The implementation of a system call; its name is the method's. */
@FunctionalInterface
public interface SyscallHandler {
    /**
     * @return what RAX becomes
     * @throws ErrnoException the call failed; the kernel-internal restart codes included
     */
    long call(Task t, SyscallArgs a) throws ErrnoException;
}
