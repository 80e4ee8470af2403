package dev.stockade.sentry.kernel;

/** The task thread ends. */
final class RunExitDone implements RunState {
    static final RunExitDone INSTANCE = new RunExitDone();

    private RunExitDone() {}

    @Override
    public RunState execute(Task t) {
        throw new IllegalStateException(t + " is over");
    }
}
