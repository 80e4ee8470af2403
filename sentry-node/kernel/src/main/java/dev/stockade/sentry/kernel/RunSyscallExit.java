package dev.stockade.sentry.kernel;

/** A system call is over; its result, or the internal code of one to restart, is in RAX. */
final class RunSyscallExit implements RunState {
    static final RunSyscallExit INSTANCE = new RunSyscallExit();

    private RunSyscallExit() {}

    @Override
    public RunState execute(Task t) {
        t.inSyscallReturn = true;
        return t.restartCode != 0 || t.isInterrupted() ? RunInterrupt.INSTANCE : RunApp.INSTANCE;
    }
}
