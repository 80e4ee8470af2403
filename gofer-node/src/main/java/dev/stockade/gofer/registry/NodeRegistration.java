package dev.stockade.gofer.registry;

import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.control.v1.NodeRegistryGrpc;
import dev.stockade.proto.control.v1.NodeRegistryGrpc.NodeRegistryBlockingStub;
import dev.stockade.proto.control.v1.RegisterRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Registers a gofer node with the control plane and sends heartbeats, on a thread of its own, until closed. A control
 * plane that is away is waited for; one that does not know this node (any more) is told again.
 */
public final class NodeRegistration implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(NodeRegistration.class);
    private static final long FIRST_RETRY_MS = 200;
    private static final long MAX_RETRY_MS = 2_000;
    private static final long MIN_INTERVAL_MS = 100;
    private static final long MAX_INTERVAL_MS = 60_000;

    private final ManagedChannel channel;
    private final RegisterRequest registration;
    private final Duration callTimeout;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Thread thread;
    private volatile boolean registered;

    /** Takes the channel over and closes it in the end. */
    public NodeRegistration(
            ManagedChannel channel,
            String nodeId,
            String address,
            Map<String, String> labels,
            String version,
            Duration callTimeout) {
        this.channel = channel;
        this.callTimeout = callTimeout;
        this.registration = RegisterRequest.newBuilder()
                .setNodeId(nodeId)
                .setBootId(UUID.randomUUID().toString())
                .setKind(NodeKind.NODE_KIND_GOFER)
                .setAddress(address)
                .putAllLabels(labels)
                .setVersion(version)
                .build();
        this.thread = Thread.ofPlatform().name("gofer-registration").daemon().unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /** Whether the control plane answered last that it knows this node. */
    public boolean registered() {
        return registered;
    }

    private NodeRegistryBlockingStub stub() {
        return NodeRegistryGrpc.newBlockingStub(channel)
                .withDeadlineAfter(callTimeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void run() {
        long intervalMs = MIN_INTERVAL_MS;
        long retryMs = FIRST_RETRY_MS;
        @Nullable String lastProblem = null;
        try {
            while (true) {
                long waitMs;
                try {
                    if (!registered) {
                        intervalMs = Math.clamp(
                                stub().register(registration).getHeartbeatIntervalMs(),
                                MIN_INTERVAL_MS,
                                MAX_INTERVAL_MS);
                        registered = true;
                        LOG.infof(
                                "registered with the control plane as %s at %s",
                                registration.getNodeId(), registration.getAddress());
                    } else {
                        registered = heartbeat();
                    }
                    lastProblem = null;
                    retryMs = FIRST_RETRY_MS;
                    waitMs = registered ? intervalMs : 0;
                } catch (StatusRuntimeException e) {
                    // An unreachable control plane may still know us: heartbeats go on and it says if it does not.
                    String problem = String.valueOf(e.getMessage());
                    if (!problem.equals(lastProblem)) {
                        LOG.warnf("the control plane cannot be reached: %s", problem);
                        lastProblem = problem;
                    }
                    waitMs = retryMs;
                    retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
                }
                if (stopping.await(waitMs, TimeUnit.MILLISECONDS)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean heartbeat() {
        return stub().heartbeat(HeartbeatRequest.newBuilder()
                        .setNodeId(registration.getNodeId())
                        .setBootId(registration.getBootId())
                        .build())
                .getKnown();
    }

    /** Says goodbye if it can and ends. */
    @Override
    public void close() {
        stopping.countDown();
        thread.interrupt();
        try {
            thread.join(callTimeout);
            if (registered) {
                NodeRegistryGrpc.newBlockingStub(channel)
                        .withDeadlineAfter(1, TimeUnit.SECONDS)
                        .deregister(DeregisterRequest.newBuilder()
                                .setNodeId(registration.getNodeId())
                                .setBootId(registration.getBootId())
                                .build());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (StatusRuntimeException e) {
            if (e.getStatus().getCode() != Status.Code.UNAVAILABLE) {
                LOG.infof("the control plane did not take the goodbye: %s", e.getMessage());
            }
        } finally {
            channel.shutdownNow();
        }
    }
}
