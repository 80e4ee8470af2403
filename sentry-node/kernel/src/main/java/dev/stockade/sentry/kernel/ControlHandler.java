package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;

/** The implementation of a system call that changes what the task does next: execve, exit, rt_sigreturn, ... */
@FunctionalInterface
public interface ControlHandler {
    RunState call(Task t, SyscallArgs a) throws ErrnoException;
}
