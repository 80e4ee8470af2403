package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.kernel.ControlHandler;
import dev.stockade.sentry.kernel.SyscallHandler;
import org.jspecify.annotations.Nullable;

/**
 * A line of the system call table.
 *
 * @param note what is missing if it is partial, or why it is not there; may be empty
 * @param handler of an ordinary call
 * @param control of a call that changes what the task does next
 * @param errno what a call without either gives
 */
record Syscall(
        int number,
        String name,
        Completeness completeness,
        String note,
        @Nullable SyscallHandler handler,
        @Nullable ControlHandler control,
        @Nullable Errno errno) {
    enum Completeness {
        FULL,
        PARTIAL,
        NONE
    }
}
