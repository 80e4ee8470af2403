package dev.stockade.sentry.boot;

/**
 * What a sandbox holds and has used.
 *
 * @param memoryBytes host memory that counts against its limit
 * @param tasks threads of guest programs, zombies included
 */
public record SandboxStatistics(long memoryBytes, int tasks) {
    public static final SandboxStatistics NONE = new SandboxStatistics(0, 0);
}
