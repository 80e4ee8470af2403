package dev.stockade.control.lifecycle;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Images. */
@ConfigMapping(prefix = "stockade.image")
public interface ImageConfig {
    /** A built-in image is made on its first use, which takes a moment. */
    @WithDefault("30s")
    Duration resolveTimeout();

    /** The largest tar stream that may be imported. */
    @WithDefault("8G")
    MemorySize maxBytes();
}
