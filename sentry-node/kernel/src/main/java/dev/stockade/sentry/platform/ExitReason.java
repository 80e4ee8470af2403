package dev.stockade.sentry.platform;

/** Why {@link Context#run} came back. */
public enum ExitReason {
    /** The guest executed SYSCALL. */
    SYSCALL,
    /** A processor exception at ring 3 that user space or the memory manager has to handle. */
    EXCEPTION,
    /** {@link Context#interrupt()} was called. */
    INTERRUPTED,
    /** The virtual machine cannot go on (a bug of the platform or the host): the sandbox ends. */
    FAILED,
}
