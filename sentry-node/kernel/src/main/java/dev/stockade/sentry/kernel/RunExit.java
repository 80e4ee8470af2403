package dev.stockade.sentry.kernel;

/** A task leaves: its memory, descriptors and children go. */
final class RunExit implements RunState {
    static final RunExit INSTANCE = new RunExit();

    private RunExit() {}

    @Override
    public RunState execute(Task t) {
        TaskExit.releaseResources(t);
        return RunExitNotify.INSTANCE;
    }
}
