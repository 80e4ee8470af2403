package dev.stockade.control.lifecycle;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** What a request that says nothing gets, and how long operations may take. */
@ConfigMapping(prefix = "stockade.sandbox")
public interface SandboxConfig {
    @WithDefault("268435456")
    long defaultMemoryBytes();

    @WithDefault("1")
    int defaultCpus();

    @WithDefault("1099511627776")
    long maxMemoryBytes();

    @WithDefault("256")
    int maxCpus();

    /** How long a request to create waits for the node; then it answers with the state reached. */
    @WithDefault("30s")
    Duration createTimeout();

    /** After this a sandbox that its node has not made fails. */
    @WithDefault("60s")
    Duration scheduleTimeout();

    /** Between SIGTERM and SIGKILL, if the request to stop does not say. */
    @WithDefault("10s")
    Duration defaultGrace();

    /** How long a deleted sandbox can still be found by its events. */
    @WithDefault("1h")
    Duration deletedRetention();
}
