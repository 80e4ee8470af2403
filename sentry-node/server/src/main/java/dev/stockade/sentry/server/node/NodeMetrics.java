package dev.stockade.sentry.server.node;

import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.sentry.server.sandbox.Sandbox;
import dev.stockade.sentry.server.sandbox.SandboxTable;
import io.grpc.Status;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Locale;

/** The node's figures for Prometheus, all with prefix {@code stockade.}. */
@Singleton
public class NodeMetrics implements SandboxTable.CreationObserver {
    private final MeterRegistry registry;
    private final Timer creation;

    @Inject
    public NodeMetrics(MeterRegistry registry) {
        this.registry = registry;
        this.creation = Timer.builder("stockade.sandbox.creation")
                .description("From a request to a sandbox that is ready for its main process")
                .serviceLevelObjectives(
                        Duration.ofMillis(5),
                        Duration.ofMillis(10),
                        Duration.ofMillis(25),
                        Duration.ofMillis(50),
                        Duration.ofMillis(100),
                        Duration.ofMillis(250),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(30))
                .register(registry);
    }

    void observe(SandboxTable table) {
        for (SandboxPhase phase : SandboxPhase.values()) {
            if (phase != SandboxPhase.UNRECOGNIZED && phase != SandboxPhase.SANDBOX_PHASE_UNSPECIFIED) {
                Gauge.builder("stockade.sandboxes", table, t -> count(t, phase))
                        .description("Sandboxes by phase")
                        .tag("phase", name(phase))
                        .register(registry);
            }
        }
        Gauge.builder("stockade.memory.reserved", table, t -> t.capacity().reservedBytes())
                .description("Sum of the limits of the sandboxes that are not over")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("stockade.memory.capacity", table, t -> t.capacity().memoryBytes())
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("stockade.memory.used", table, NodeMetrics::memoryUsed)
                .description("Host memory that counts against sandboxes' limits")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("stockade.tasks", table, NodeMetrics::tasks)
                .description("Threads of guest programs")
                .register(registry);
    }

    private static String name(SandboxPhase phase) {
        return phase.name().substring("SANDBOX_PHASE_".length()).toLowerCase(Locale.ROOT);
    }

    private static double count(SandboxTable table, SandboxPhase phase) {
        return table.all().stream().filter(s -> s.report().getPhase() == phase).count();
    }

    private static double memoryUsed(SandboxTable table) {
        return table.all().stream().mapToLong(s -> s.statistics().memoryBytes()).sum();
    }

    private static double tasks(SandboxTable table) {
        return table.all().stream()
                .map(Sandbox::statistics)
                .mapToInt(s -> s.tasks())
                .sum();
    }

    @Override
    public void created(Duration took) {
        creation.record(took);
    }

    @Override
    public void refused(Status.Code why) {
        Counter.builder("stockade.sandbox.refusals")
                .description("Sandboxes that were asked for and could not be created")
                .tag("status", why.name())
                .register(registry)
                .increment();
    }
}
