package dev.stockade.sentry.kernel;

import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;
import org.jspecify.annotations.Nullable;

/**
 * What a new task starts with. It owns one use of each: {@link #release} gives them back if the task is not made.
 *
 * @param executable a reference, or null
 */
record TaskParts(
        MemoryManager memory,
        FdTable fdTable,
        FsContext fsContext,
        UtsNamespace uts,
        Credentials credentials,
        byte[] comm,
        @Nullable FileDescription executable,
        long signalMask,
        RunState firstState) {
    void release() {
        memory.decUsers();
        fdTable.decUsers();
        if (executable != null) {
            executable.decRef();
        }
    }
}
