package dev.stockade.control.nodes;

import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.quarkus.runtime.ShutdownEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * One channel for each address that a node gave, made when first needed. Nodes come and go, so these are no
 * configured clients. Plaintext for now; mutual TLS comes with authentication.
 */
@ApplicationScoped
public class NodeChannels {
    /** What one stream may have under way; a slow reader holds up itself, not the other streams of a node. */
    private static final int STREAM_WINDOW_BYTES = 256 << 10;

    private static final int MAX_MESSAGE_BYTES = 8 << 20;

    private final Map<String, ManagedChannel> channels = new ConcurrentHashMap<>();
    private final Executor callbacks = Executors.newVirtualThreadPerTaskExecutor();
    private final TracingInterceptor tracing;

    NodeChannels(TracingInterceptor tracing) {
        this.tracing = tracing;
    }

    Channel to(String address) {
        return channels.computeIfAbsent(address, this::open);
    }

    private ManagedChannel open(String address) {
        return NettyChannelBuilder.forTarget("dns:///" + address)
                .usePlaintext()
                .executor(callbacks)
                .initialFlowControlWindow(STREAM_WINDOW_BYTES)
                .maxInboundMessageSize(MAX_MESSAGE_BYTES)
                .intercept(tracing)
                .build();
    }

    /** Breaks what is under way with the nodes that are not at one of these addresses any more. */
    public void retain(Set<String> addresses) {
        channels.forEach((address, channel) -> {
            if (!addresses.contains(address) && channels.remove(address, channel)) {
                channel.shutdownNow();
            }
        });
    }

    void stop(@Observes @Priority(10_000) ShutdownEvent event) throws InterruptedException {
        channels.values().forEach(ManagedChannel::shutdownNow);
        for (ManagedChannel channel : channels.values()) {
            channel.awaitTermination(2, TimeUnit.SECONDS);
        }
        channels.clear();
    }
}
