package dev.stockade.control.reconcile;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** The work of the leading replica. */
@ConfigMapping(prefix = "stockade.reconcile")
public interface ReconcileConfig {
    /** How often the leader looks for lost nodes and for what was cut short. */
    @WithDefault("500ms")
    Duration interval();

    /** How many cut-short operations are resumed at a time. */
    @WithDefault("100")
    int parallelism();

    /** How often what is not needed any more is forgotten. */
    @WithDefault("1m")
    Duration pruneInterval();

    /** How long nodes that went away are shown. */
    @WithDefault("24h")
    Duration nodeRetention();
}
