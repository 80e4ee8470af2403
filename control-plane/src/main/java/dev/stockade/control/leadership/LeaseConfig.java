package dev.stockade.control.leadership;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** The lease that says which replica leads. */
@ConfigMapping(prefix = "stockade.lease")
public interface LeaseConfig {
    /** How long a leader that is not heard of stays the leader. */
    @WithDefault("5s")
    Duration duration();
}
