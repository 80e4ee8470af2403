package dev.stockade.sentry.kernel;

/**
 * What tasks have used (getrusage(2)).
 *
 * @param userNs time in guest code
 * @param systemNs time in the kernel
 */
public record CpuUsage(long userNs, long systemNs, long voluntarySwitches, long minorFaults) {
    public static final CpuUsage NONE = new CpuUsage(0, 0, 0, 0);

    /** Ticks per second of times(2) and /proc (USER_HZ). */
    public static final int TICKS_PER_SECOND = 100;

    public CpuUsage plus(CpuUsage o) {
        return new CpuUsage(
                userNs + o.userNs,
                systemNs + o.systemNs,
                voluntarySwitches + o.voluntarySwitches,
                minorFaults + o.minorFaults);
    }

    /** In clock_t units. */
    public static long ticks(long ns) {
        return ns / (1_000_000_000L / TICKS_PER_SECOND);
    }
}
