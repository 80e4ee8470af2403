package dev.stockade.sentry.kernel;

import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.loader.LoadedProgram;

/** An execve goes on after every other thread of the group has exited. */
final class RunExecAfterSiblings implements RunState {
    private final LoadedProgram program;
    private final Credentials credentials;
    private final byte[] comm;

    RunExecAfterSiblings(LoadedProgram program, Credentials credentials, byte[] comm) {
        this.program = program;
        this.credentials = credentials;
        this.comm = comm;
    }

    @Override
    public RunState execute(Task t) {
        if (!TaskExec.takeOver(t)) {
            TaskExec.release(program);
            return RunInterrupt.INSTANCE;
        }
        TaskExec.replaceImage(t, program, credentials, comm);
        return RunSyscallExit.INSTANCE;
    }
}
