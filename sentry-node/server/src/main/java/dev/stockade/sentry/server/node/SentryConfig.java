package dev.stockade.sentry.server.node;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** Everything that can be configured, with prefix {@code stockade.}. */
@ConfigMapping(prefix = "stockade")
public interface SentryConfig {
    Node node();

    ControlPlane controlPlane();

    Sandbox sandbox();

    Gofer gofer();

    /** This node. */
    interface Node {
        /** Stable over restarts where set; else random. */
        Optional<String> id();

        /** host:port of the gRPC service as others reach it; else 127.0.0.1 and the port it listens on. */
        Optional<String> address();

        /** Memory for sandboxes; else half of the machine's. */
        OptionalLong memoryBytes();

        @WithDefault("200")
        int maxSandboxes();

        /** Processors for sandboxes; else the machine's. */
        OptionalInt cpus();

        /** Threads of the programs of all sandboxes together; each is a thread of this process. */
        @WithDefault("8192")
        int maxTasks();

        /** How long sandboxes get to end when the node shuts down. */
        @WithDefault("3s")
        Duration stopGrace();
    }

    /** Who is told of this node. */
    interface ControlPlane {
        /** host:port of its gRPC service; without it the node stands alone. */
        Optional<String> address();

        /** How long a registration or heartbeat may take. */
        @WithDefault("5s")
        Duration callTimeout();
    }

    /** Where files come from. */
    interface Gofer {
        /** A file operation fails with EIO when the gofer was away for so long. */
        @WithDefault("30s")
        Duration operationTimeout();
    }

    /** What sandboxes get. */
    interface Sandbox {
        /** Memory of a sandbox whose request names none. */
        @WithDefault("268435456")
        long defaultMemoryBytes();

        @WithDefault("1024")
        int defaultTasks();

        /** Output that is kept of each main process. */
        @WithDefault("1048576")
        int logBytes();

        /** Commands beside the main one, announced or running. */
        @WithDefault("64")
        int maxExecutions();

        /** Ended sandboxes that are kept until somebody deletes them. */
        @WithName("max-finished")
        @WithDefault("1000")
        int maxFinished();

        /** Reports that a watcher may be behind before it is cut off. */
        @WithDefault("4096")
        int watchQueue();
    }
}
