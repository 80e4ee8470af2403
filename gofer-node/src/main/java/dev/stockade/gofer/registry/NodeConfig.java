package dev.stockade.gofer.registry;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Who this node is to the control plane. */
@ConfigMapping(prefix = "stockade")
public interface NodeConfig {
    Node node();

    ControlPlane controlPlane();

    /** This node. */
    interface Node {
        /** Stable over restarts where set, else random. */
        Optional<String> id();

        /** host:port of the gRPC server, as others reach it. */
        Optional<String> address();

        Map<String, String> labels();
    }

    /** Where to register. */
    interface ControlPlane {
        /** host:port of its gRPC server; without one this node serves unregistered. */
        Optional<String> address();

        /** For one call. */
        @WithDefault("3s")
        Duration callTimeout();
    }
}
