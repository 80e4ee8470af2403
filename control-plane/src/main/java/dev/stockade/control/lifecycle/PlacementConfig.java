package dev.stockade.control.lifecycle;

import dev.stockade.control.placement.PlacementPolicy;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** How full nodes may get. */
@ConfigMapping(prefix = "stockade.placement")
public interface PlacementConfig {
    @WithDefault("spread")
    PlacementPolicy.Strategy strategy();

    @WithDefault("1.0")
    double memoryOvercommit();

    /** A CPU of a sandbox is a right to compete, not a core of its own. */
    @WithDefault("32.0")
    double cpuOvercommit();
}
