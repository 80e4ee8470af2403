package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import org.jspecify.annotations.Nullable;

/** Finds and runs the handler of a system call; implemented by {@code syscalls} from its table. Thread-safe. */
public interface SyscallDispatcher {
    /**
     * Runs one call. An ordinary call stores its value with {@link Task#setSyscallReturn}; a control call (execve,
     * exit, rt_sigreturn, ...) returns what the task does next.
     *
     * @param number from RAX, hostile
     * @return null after an ordinary call
     * @throws ErrnoException the call failed; the kernel-internal restart codes included
     */
    @Nullable
    RunState dispatch(Task task, long number, SyscallArgs args) throws ErrnoException;

    /** For people: the name of a number, or {@code "#n"}. */
    String name(long number);
}
