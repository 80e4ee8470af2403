package dev.stockade.sentry.kernel;

/** Nothing is left of a task but its status; an init comes here when its namespace is empty. */
final class RunExitNotify implements RunState {
    static final RunExitNotify INSTANCE = new RunExitNotify();

    private RunExitNotify() {}

    @Override
    public RunState execute(Task t) {
        TaskExit.becomeZombie(t);
        return RunExitDone.INSTANCE;
    }
}
