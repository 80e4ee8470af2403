package dev.stockade.cli.fleet;

import java.time.Duration;
import java.util.Map;

/** How a part is now; pid 0 and a negative uptime when it does not run. */
public record PartStatus(
        PartName name, long pid, String health, Duration uptime, String version, Map<String, Integer> ports) {
    public boolean isHealthy() {
        return HealthProbe.isHealthy(health);
    }
}
