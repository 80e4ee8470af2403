package dev.stockade.sentry.server.sandbox;

/**
 * What sandboxes of this node get and may ask for.
 *
 * @param defaultMemoryBytes for a spec that names none
 * @param defaultTasks for a spec that names none
 * @param logBytes output that is kept of a main process
 * @param executions commands that a sandbox may have announced or running beside its main one
 * @param finishedSandboxes that are kept until they are deleted; the oldest are forgotten beyond
 */
public record SandboxLimits(
        long defaultMemoryBytes, int defaultTasks, int logBytes, int executions, int finishedSandboxes) {
    /** Less can't hold a program and its page tables. */
    public static final long LEAST_MEMORY_BYTES = 8L << 20;

    public static final int MOST_TASKS = 32768;
}
