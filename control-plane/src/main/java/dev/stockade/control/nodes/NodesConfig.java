package dev.stockade.control.nodes;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How nodes are watched and called. */
@ConfigMapping(prefix = "stockade.node")
public interface NodesConfig {
    /** How often a node shall say that it lives. */
    @WithDefault("1s")
    Duration heartbeatInterval();

    /** A node that was silent for this long and does not answer either is lost, and its sandboxes with it. */
    @WithDefault("5s")
    Duration timeout();

    /** How long such a node has to answer. */
    @WithDefault("1500ms")
    Duration probeTimeout();

    /** The deadline of a short call to a node. */
    @WithDefault("10s")
    Duration callTimeout();
}
