package dev.stockade.gofer.service;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;

/** What an operator may set; every limit is there because a sentry or an uploader may be hostile. */
@ConfigMapping(prefix = "stockade.gofer")
public interface GoferConfig {
    /** Where the images are. */
    Path dataDir();

    /** Sum of the file contents of one image. */
    @WithDefault("17179869184")
    long maxImageBytes();

    @WithDefault("1000000")
    int maxImageFiles();

    /** Of one path in an image; at most PATH_MAX. */
    @WithDefault("4096")
    int maxPathBytes();

    /** Imports at once. */
    @WithDefault("4")
    int maxImports();

    /** After which an import fails whose sender sends nothing. */
    @WithDefault("60s")
    Duration importStallTimeout();

    /** How long an image without a name is kept though nobody has it attached. */
    @WithDefault("10m")
    Duration orphanGrace();

    @WithDefault("4096")
    int maxSessions();

    @WithDefault("2048")
    int maxSessionsPerPeer();

    /** Over all sessions. */
    @WithDefault("2000000")
    int maxHandles();

    @WithDefault("200000")
    int maxHandlesPerSession();

    @WithDefault("256")
    int maxNamesPerWalk();

    @WithDefault("64")
    int maxReadsPerSession();

    /** Each may hold up to 768 KiB that its receiver does not take. */
    @WithDefault("128")
    int maxReadsPerPeer();

    /** Content files open at once; never more than half of what the process may open. */
    @WithDefault("4096")
    int maxOpenFiles();

    /** Images kept in memory though nobody has them attached. */
    @WithDefault("16")
    int maxIdleImages();

    /** Calls under way on one connection; the others wait at their sender. */
    @WithDefault("1024")
    int maxCallsPerConnection();

    /** After which an unused session ends. */
    @WithDefault("1h")
    Duration sessionIdleTimeout();

    /** After which a read ends whose receiver takes nothing. */
    @WithDefault("60s")
    Duration readStallTimeout();
}
