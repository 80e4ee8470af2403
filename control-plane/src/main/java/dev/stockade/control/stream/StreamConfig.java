package dev.stockade.control.stream;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Streams between clients and executions. */
@ConfigMapping(prefix = "stockade.stream")
public interface StreamConfig {
    /** Pages that may open a stream besides this server's own, as they stand in the Origin header. */
    Optional<List<String>> allowedOrigins();

    /** How often a quiet connection is tried, so that one whose other end is gone is noticed. */
    @WithDefault("20s")
    Duration pingInterval();
}
