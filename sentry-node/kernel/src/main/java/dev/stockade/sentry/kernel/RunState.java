package dev.stockade.sentry.kernel;

/**
 * What a task does next. The task thread repeats: wait while stopped, then {@link #execute}, which gives the next
 * state. A boundary between states stands wherever a task may have to stop for an unknown time, so that pause and
 * (later) checkpoint find every task at a known place. States with no data are singletons.
 */
public sealed interface RunState
        permits RunApp,
                RunCloned,
                RunSyscall,
                RunSyscallExit,
                RunInterrupt,
                RunExecAfterSiblings,
                RunExit,
                RunExitNotify,
                RunExitDone,
                RunReaper {
    /** Called by the task thread alone, with no lock held. */
    RunState execute(Task t);
}
