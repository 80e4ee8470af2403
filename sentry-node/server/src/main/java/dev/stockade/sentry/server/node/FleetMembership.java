package dev.stockade.sentry.server.node;

import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.NodeRegistryGrpc;
import dev.stockade.proto.control.v1.RegisterRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Tells the control plane of this node and that it lives: registers, sends heartbeats, registers again when it is not
 * known any more, and retries with growing pauses while nobody answers. One virtual thread.
 */
public final class FleetMembership implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(FleetMembership.class);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final Duration DEFAULT_INTERVAL = Duration.ofSeconds(2);

    private final ManagedChannel channel;
    private final RegisterRequest registration;
    private final Supplier<HeartbeatRequest> heartbeat;
    private final Duration callTimeout;
    private volatile boolean registered;
    private volatile boolean closed;
    private @Nullable Thread thread;

    /** @param channel to the control plane; closed with this */
    public FleetMembership(
            ManagedChannel channel,
            RegisterRequest registration,
            Supplier<HeartbeatRequest> heartbeat,
            Duration callTimeout) {
        this.channel = channel;
        this.registration = registration;
        this.heartbeat = heartbeat;
        this.callTimeout = callTimeout;
    }

    public void start() {
        thread = Thread.ofVirtual().name("fleet-membership").start(this::run);
    }

    /** Whether the control plane knows this node, as far as the last answer tells. */
    public boolean registered() {
        return registered;
    }

    private void run() {
        Duration pause = FIRST_PAUSE;
        Duration interval = DEFAULT_INTERVAL;
        boolean complained = false;
        while (!closed) {
            try {
                if (!registered) {
                    long ms = stub().register(registration).getHeartbeatIntervalMs();
                    interval = ms > 0 ? Duration.ofMillis(ms) : DEFAULT_INTERVAL;
                    registered = true;
                    LOG.infof("registered with the control plane as %s", registration.getNodeId());
                } else if (!stub().heartbeat(heartbeat.get()).getKnown()) {
                    LOG.info("the control plane does not know this node any more: registering again");
                    registered = false;
                    continue;
                }
                complained = false;
                pause = FIRST_PAUSE;
                Thread.sleep(interval);
            } catch (StatusRuntimeException e) {
                if (closed) {
                    return;
                }
                if (!complained) {
                    LOG.warnf("the control plane does not answer (%s): trying again", e.getStatus());
                    complained = true;
                }
                try {
                    Thread.sleep(pause);
                } catch (InterruptedException interrupted) {
                    return;
                }
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause.multipliedBy(2);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private NodeRegistryGrpc.NodeRegistryBlockingStub stub() {
        return NodeRegistryGrpc.newBlockingStub(channel)
                .withDeadlineAfter(callTimeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Says goodbye if the control plane listens. */
    @Override
    public void close() {
        closed = true;
        Thread t = thread;
        if (t != null) {
            t.interrupt();
        }
        try {
            if (registered) {
                var unused = stub().deregister(DeregisterRequest.newBuilder()
                        .setNodeId(registration.getNodeId())
                        .setBootId(registration.getBootId())
                        .build());
            }
        } catch (StatusRuntimeException e) {
            LOG.infof("could not deregister: %s", e.getStatus());
        } finally {
            registered = false;
            channel.shutdownNow();
        }
    }
}
