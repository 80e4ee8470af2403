package dev.stockade.sentry.mm;

/**
 * The resource limits that an address space obeys (setrlimit(2)), in bytes; {@link #UNLIMITED} is RLIM_INFINITY.
 * Compared as unsigned numbers.
 *
 * @param addressSpace RLIMIT_AS
 * @param data RLIMIT_DATA
 * @param stack RLIMIT_STACK
 * @param memlock RLIMIT_MEMLOCK
 */
public record MemoryLimits(long addressSpace, long data, long stack, long memlock) {
    public static final long UNLIMITED = -1L;

    /** Linux's defaults: no limits but 8 MiB of stack and of locked memory. */
    public static final MemoryLimits DEFAULT = new MemoryLimits(UNLIMITED, UNLIMITED, 8L << 20, 8L << 20);
}
