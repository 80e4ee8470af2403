package dev.stockade.control.placement;

/** An amount of what nodes have and sandboxes take. */
public record Resources(long memoryBytes, int cpus, int sandboxes) {
    public static final Resources NONE = new Resources(0, 0, 0);

    public Resources {
        if (memoryBytes < 0 || cpus < 0 || sandboxes < 0) {
            throw new IllegalArgumentException("negative resources");
        }
    }

    public Resources plus(Resources other) {
        return new Resources(
                Math.addExact(memoryBytes, other.memoryBytes),
                Math.addExact(cpus, other.cpus),
                Math.addExact(sandboxes, other.sandboxes));
    }
}
