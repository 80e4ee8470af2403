package dev.stockade.control.events;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** The relay from the outbox to Kafka. */
@ConfigMapping(prefix = "stockade.events")
public interface EventsConfig {
    @WithDefault("stockade.sandbox.events")
    String topic();

    /** How long published events stay in the database. */
    @WithDefault("1h")
    Duration retention();

    /** How many events are read from the outbox at once. */
    @WithDefault("500")
    int batchSize();

    /** How often the outbox is looked at without being told that it grew. */
    @WithDefault("500ms")
    Duration pollInterval();
}
