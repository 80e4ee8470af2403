package dev.stockade.control.telemetry;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.events.OutboxRelay;
import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.placement.NodeView;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.control.storage.Outbox;
import dev.stockade.control.storage.SandboxStore;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jboss.logging.Logger;

/** Gauges over the database; read from it at most once every few seconds, however often they are scraped. */
@ApplicationScoped
class FleetMetrics {
    private static final Logger LOG = Logger.getLogger(FleetMetrics.class);
    private static final long MAX_AGE_NS = Duration.ofSeconds(5).toNanos();

    private final SandboxStore sandboxes;
    private final NodeStore nodes;
    private final Outbox outbox;
    private final OutboxRelay relay;
    private final Leadership leadership;
    private final Clock clock;
    private Sample sample = new Sample(Map.of(), List.of(), 0, 0, 0, 0);
    private long sampledNs = System.nanoTime() - MAX_AGE_NS;

    FleetMetrics(
            SandboxStore sandboxes,
            NodeStore nodes,
            Outbox outbox,
            OutboxRelay relay,
            Leadership leadership,
            Clock clock) {
        this.sandboxes = sandboxes;
        this.nodes = nodes;
        this.outbox = outbox;
        this.relay = relay;
        this.leadership = leadership;
        this.clock = clock;
    }

    private record Sample(
            Map<SandboxState, Long> sandboxes,
            List<FleetNode> nodes,
            long pending,
            double oldestPendingSeconds,
            double reservedMemoryBytes,
            double memoryBytes) {}

    void register(@Observes StartupEvent event, MeterRegistry registry) {
        for (SandboxState state : SandboxState.values()) {
            Gauge.builder("stockade.sandboxes", this, of(s -> s.sandboxes().getOrDefault(state, 0L)))
                    .tag("state", state.name())
                    .description("Sandboxes in each state")
                    .register(registry);
        }
        for (FleetNode.Kind kind : FleetNode.Kind.values()) {
            for (FleetNode.State state : FleetNode.State.values()) {
                Gauge.builder(
                                "stockade.nodes",
                                this,
                                of(s -> s.nodes().stream()
                                        .filter(node -> node.kind() == kind && node.state() == state)
                                        .count()))
                        .tag("kind", kind.name())
                        .tag("state", state.name())
                        .description("Nodes of each kind and state")
                        .register(registry);
            }
        }
        Gauge.builder("stockade.placement.memory.reserved", this, of(Sample::reservedMemoryBytes))
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("stockade.placement.memory.capacity", this, of(Sample::memoryBytes))
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("stockade.events.pending", this, of(Sample::pending))
                .description("Events that wait for the broker")
                .register(registry);
        Gauge.builder("stockade.events.pending.age", this, of(Sample::oldestPendingSeconds))
                .baseUnit("seconds")
                .description("How long the oldest of them waits")
                .register(registry);
        Gauge.builder("stockade.events.published", relay, OutboxRelay::publishedCount)
                .description("Events this replica published")
                .register(registry);
        Gauge.builder("stockade.leader", leadership, l -> l.isLeader() ? 1 : 0)
                .description("1 on the replica that reconciles and relays")
                .register(registry);
    }

    private static ToDoubleFunction<FleetMetrics> of(ToDoubleFunction<Sample> value) {
        return metrics -> value.applyAsDouble(metrics.sample());
    }

    private synchronized Sample sample() {
        if (System.nanoTime() - sampledNs >= MAX_AGE_NS) {
            sampledNs = System.nanoTime();
            try {
                sample = read();
            } catch (RuntimeException e) {
                LOG.debugf("metrics are as old as the database is away: %s", e.getMessage());
            }
        }
        return sample;
    }

    private Sample read() {
        Outbox.Backlog backlog = outbox.backlog();
        List<NodeView> sentries = nodes.snapshot().nodes();
        return new Sample(
                sandboxes.countByState(),
                nodes.all(),
                backlog.pending(),
                backlog.oldest() == null
                        ? 0
                        : Duration.between(backlog.oldest(), clock.instant()).toMillis() / 1000.0,
                sentries.stream()
                        .mapToDouble(node -> node.reserved().memoryBytes())
                        .sum(),
                sentries.stream()
                        .filter(NodeView::alive)
                        .mapToDouble(node -> node.capacity().memoryBytes())
                        .sum());
    }
}
