package dev.stockade.control.placement;

import java.util.Map;

/**
 * What a sandbox needs.
 *
 * @param requiredLabels labels that its node must bear
 */
public record PlacementRequest(long memoryBytes, int cpus, Map<String, String> requiredLabels) {
    public PlacementRequest {
        requiredLabels = Map.copyOf(requiredLabels);
    }

    public Resources resources() {
        return new Resources(memoryBytes, cpus, 1);
    }
}
