package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;

/** A new task's first step (schedule_tail in Linux): CLONE_CHILD_SETTID, in its own address space. */
final class RunCloned implements RunState {
    private final long childTidAddress;

    RunCloned(long childTidAddress) {
        this.childTidAddress = childTidAddress;
    }

    @Override
    public RunState execute(Task t) {
        if (childTidAddress != 0) {
            try {
                t.memoryManager().writeInt(childTidAddress, t.tid);
            } catch (ErrnoException e) {
                // As in Linux, nobody is told.
            }
        }
        return RunApp.INSTANCE;
    }
}
