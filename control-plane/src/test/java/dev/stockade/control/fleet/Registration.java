package dev.stockade.control.fleet;

import dev.stockade.proto.control.v1.Capacity;
import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.control.v1.NodeRegistryGrpc;
import dev.stockade.proto.control.v1.RegisterRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.ConfigProvider;

/** The part of a node that registers it and keeps saying that it lives. */
public final class Registration implements AutoCloseable {
    private final ManagedChannel channel;
    private final NodeRegistryGrpc.NodeRegistryBlockingStub registry;
    private final RegisterRequest request;
    private final Thread heartbeats;
    private volatile boolean silent;

    public Registration(String nodeId, NodeKind kind, int port, Capacity capacity) {
        this(RegisterRequest.newBuilder()
                .setNodeId(nodeId)
                .setBootId(UUID.randomUUID().toString())
                .setKind(kind)
                .setAddress("127.0.0.1:" + port)
                .setCapacity(capacity)
                .putAllLabels(Map.of("kvm", "software"))
                .setVersion("test")
                .build());
    }

    private Registration(RegisterRequest request) {
        int registryPort = ConfigProvider.getConfig().getValue("quarkus.grpc.server.test-port", Integer.class);
        channel = NettyChannelBuilder.forAddress("127.0.0.1", registryPort)
                .usePlaintext()
                .build();
        registry = NodeRegistryGrpc.newBlockingStub(channel);
        this.request = request;
        registry.register(request);
        heartbeats =
                Thread.ofVirtual().name("heartbeats-" + request.getNodeId()).start(this::run);
    }

    private void run() {
        try {
            while (!silent) {
                boolean known = true;
                try {
                    known = registry.withDeadlineAfter(2, TimeUnit.SECONDS)
                            .heartbeat(HeartbeatRequest.newBuilder()
                                    .setNodeId(request.getNodeId())
                                    .setBootId(request.getBootId())
                                    .build())
                            .getKnown();
                    if (!known && !silent) {
                        registry.register(request);
                    }
                } catch (StatusRuntimeException e) {
                    // The control plane is away; the next one may arrive.
                }
                Thread.sleep(100);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The same process, heard of again. */
    Registration again() {
        return new Registration(request);
    }

    public String bootId() {
        return request.getBootId();
    }

    /** No more heartbeats, as if the process were dead or cut off. */
    public void silence() {
        silent = true;
        heartbeats.interrupt();
        try {
            heartbeats.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Says goodbye. */
    public void deregister() {
        registry.deregister(DeregisterRequest.newBuilder()
                .setNodeId(request.getNodeId())
                .setBootId(request.getBootId())
                .build());
    }

    @Override
    public void close() {
        silence();
        channel.shutdownNow();
    }
}
