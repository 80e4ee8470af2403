package dev.stockade.control.telemetry;

import dev.stockade.control.events.OutboxRelay;
import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.storage.Outbox;
import java.time.Clock;
import java.time.Duration;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/**
 * Says whether events reach the broker. Never a reason to be unready: while the broker is down the events wait in the
 * database, and requests are served.
 */
@Readiness
class EventsHealth implements HealthCheck {
    private final Outbox outbox;
    private final OutboxRelay relay;
    private final Leadership leadership;
    private final Clock clock;

    EventsHealth(Outbox outbox, OutboxRelay relay, Leadership leadership, Clock clock) {
        this.outbox = outbox;
        this.relay = relay;
        this.leadership = leadership;
        this.clock = clock;
    }

    @Override
    public HealthCheckResponse call() {
        HealthCheckResponseBuilder response =
                HealthCheckResponse.named("events").up();
        String failure = relay.failure();
        response.withData("leader", leadership.isLeader());
        response.withData("broker", failure == null ? "ok" : failure);
        try {
            Outbox.Backlog backlog = outbox.backlog();
            response.withData("pending", backlog.pending());
            if (backlog.oldest() != null) {
                response.withData(
                        "oldestPendingSeconds",
                        Duration.between(backlog.oldest(), clock.instant()).toSeconds());
            }
        } catch (RuntimeException e) {
            // The check of the database itself says so and makes it unready.
            response.withData("pending", "unknown: the database can't be asked");
        }
        return response.build();
    }
}
