package dev.stockade.control.placement;

/**
 * How full nodes may get, and which of several that fit is taken.
 *
 * @param memoryOvercommit reserved memory may reach this multiple of a node's
 * @param cpuOvercommit likewise for CPUs
 */
public record PlacementPolicy(double memoryOvercommit, double cpuOvercommit, Strategy strategy) {
    /** Which of several nodes that fit is taken. */
    public enum Strategy {
        /** The emptiest. */
        SPREAD,
        /** The fullest. */
        PACK
    }

    public PlacementPolicy {
        if (!(memoryOvercommit > 0) || !(cpuOvercommit > 0)) {
            throw new IllegalArgumentException("overcommit factors must be positive");
        }
    }
}
