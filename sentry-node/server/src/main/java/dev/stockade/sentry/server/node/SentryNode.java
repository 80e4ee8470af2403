package dev.stockade.sentry.server.node;

import com.sun.management.OperatingSystemMXBean;
import dev.stockade.proto.control.v1.Capacity;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.control.v1.RegisterRequest;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import dev.stockade.sentry.server.sandbox.NodeCapacity;
import dev.stockade.sentry.server.sandbox.ReportHub;
import dev.stockade.sentry.server.sandbox.Sandbox;
import dev.stockade.sentry.server.sandbox.SandboxLimits;
import dev.stockade.sentry.server.sandbox.SandboxTable;
import io.grpc.ManagedChannelBuilder;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.lang.management.ManagementFactory;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Puts the node together, announces it when it is ready and takes it down in order. */
@ApplicationScoped
public class SentryNode {
    private static final Logger LOG = Logger.getLogger(SentryNode.class);

    private final SentryConfig config;
    private final SandboxRuntime runtime;
    private final NodeIdentity identity;
    private final int grpcPort;
    private final String version;
    private final ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("sandbox-timers").factory());
    private final SandboxTable table;
    private volatile @Nullable FleetMembership membership;

    @Inject
    public SentryNode(
            SentryConfig config,
            SandboxRuntime runtime,
            NodeMetrics metrics,
            @ConfigProperty(name = "quarkus.grpc.server.port") int grpcPort,
            @ConfigProperty(name = "quarkus.application.version") String version) {
        this.config = config;
        this.runtime = runtime;
        this.grpcPort = grpcPort;
        this.version = version;
        this.identity = NodeIdentity.of(config);
        NodeCapacity capacity = new NodeCapacity(
                config.node().memoryBytes().orElseGet(SentryNode::halfOfTheMachine),
                config.node().maxSandboxes());
        SandboxLimits limits = new SandboxLimits(
                config.sandbox().defaultMemoryBytes(),
                config.sandbox().defaultTasks(),
                config.sandbox().logBytes(),
                config.sandbox().maxExecutions(),
                config.sandbox().maxFinished());
        this.table = new SandboxTable(
                runtime, capacity, limits, new ReportHub(config.sandbox().watchQueue()), timers, metrics);
        metrics.observe(table);
    }

    /** What the gRPC service works on. */
    @Produces
    @Singleton
    SandboxTable table() {
        return table;
    }

    public NodeIdentity identity() {
        return identity;
    }

    /** True without a control plane, else whether it knows this node. */
    public boolean inService() {
        FleetMembership m = membership;
        return m == null ? config.controlPlane().address().isEmpty() : m.registered();
    }

    public String platform() {
        return runtime.describe();
    }

    private static long halfOfTheMachine() {
        OperatingSystemMXBean machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return machine.getTotalMemorySize() / 2;
    }

    private int cpus() {
        return config.node().cpus().orElseGet(() -> Runtime.getRuntime().availableProcessors());
    }

    void start(@Observes @Priority(Integer.MAX_VALUE) StartupEvent started) {
        LOG.infof(
                "node %s on %s: %d MiB and %d sandboxes",
                identity.id(),
                runtime.describe(),
                table.capacity().memoryBytes() >> 20,
                table.capacity().sandboxes());
        if (config.controlPlane().address().isEmpty()) {
            LOG.info("no control plane is configured (stockade.control-plane.address): standing alone");
            return;
        }
        String address = config.node().address().orElse("127.0.0.1:" + grpcPort);
        RegisterRequest registration = RegisterRequest.newBuilder()
                .setNodeId(identity.id())
                .setBootId(identity.bootId())
                .setKind(NodeKind.NODE_KIND_SENTRY)
                .setAddress(address)
                .setCapacity(Capacity.newBuilder()
                        .setMemoryBytes(table.capacity().memoryBytes())
                        .setCpus(cpus())
                        .setSandboxes(table.capacity().sandboxes()))
                .putLabels("kvm", runtime.describe().contains("hardware") ? "hardware" : "software")
                .setVersion(version)
                .build();
        FleetMembership m = new FleetMembership(
                ManagedChannelBuilder.forTarget(config.controlPlane().address().get())
                        .usePlaintext()
                        .build(),
                registration,
                this::heartbeat,
                config.controlPlane().callTimeout());
        membership = m;
        m.start();
    }

    private HeartbeatRequest heartbeat() {
        long used = 0;
        for (Sandbox s : table.all()) {
            used += s.statistics().memoryBytes();
        }
        return HeartbeatRequest.newBuilder()
                .setNodeId(identity.id())
                .setBootId(identity.bootId())
                .setSandboxes(table.capacity().reservedSandboxes())
                .setMemoryUsedBytes(used)
                .build();
    }

    /** Before the gRPC server goes down: the streams learn how their programs ended. */
    void stop(@Observes @Priority(1) ShutdownEvent stopping) {
        table.close(config.node().stopGrace());
        FleetMembership m = membership;
        if (m != null) {
            m.close();
        }
        timers.shutdownNow();
    }
}
