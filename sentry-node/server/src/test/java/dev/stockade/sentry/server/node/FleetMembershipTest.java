package dev.stockade.sentry.server.node;

import static dev.stockade.sentry.server.grpc.ServiceFixture.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.DeregisterResponse;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.HeartbeatResponse;
import dev.stockade.proto.control.v1.NodeRegistryGrpc;
import dev.stockade.proto.control.v1.RegisterRequest;
import dev.stockade.proto.control.v1.RegisterResponse;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FleetMembershipTest {
    /** A control plane that can forget. */
    private static final class FakeRegistry extends NodeRegistryGrpc.NodeRegistryImplBase {
        final Queue<RegisterRequest> registrations = new ConcurrentLinkedQueue<>();
        final Queue<DeregisterRequest> goodbyes = new ConcurrentLinkedQueue<>();
        final AtomicInteger heartbeats = new AtomicInteger();
        volatile boolean known;

        @Override
        public void register(RegisterRequest request, StreamObserver<RegisterResponse> observer) {
            registrations.add(request);
            known = true;
            observer.onNext(
                    RegisterResponse.newBuilder().setHeartbeatIntervalMs(5).build());
            observer.onCompleted();
        }

        @Override
        public void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatResponse> observer) {
            heartbeats.incrementAndGet();
            observer.onNext(HeartbeatResponse.newBuilder().setKnown(known).build());
            observer.onCompleted();
        }

        @Override
        public void deregister(DeregisterRequest request, StreamObserver<DeregisterResponse> observer) {
            goodbyes.add(request);
            observer.onNext(DeregisterResponse.getDefaultInstance());
            observer.onCompleted();
        }
    }

    private final FakeRegistry registry = new FakeRegistry();
    private Server server;

    @BeforeEach
    void start() throws IOException {
        server = serve(0);
    }

    private Server serve(int port) throws IOException {
        return NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                .addService(registry)
                .build()
                .start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }

    private FleetMembership membership() {
        RegisterRequest registration = RegisterRequest.newBuilder()
                .setNodeId("n1")
                .setBootId("b1")
                .setAddress("127.0.0.1:1")
                .build();
        return new FleetMembership(
                ManagedChannelBuilder.forAddress("127.0.0.1", server.getPort())
                        .usePlaintext()
                        .build(),
                registration,
                () -> HeartbeatRequest.newBuilder()
                        .setNodeId("n1")
                        .setBootId("b1")
                        .build(),
                Duration.ofSeconds(5));
    }

    @Test
    void shouldRegisterKeepLivingAndSayGoodbye() throws Exception {
        try (FleetMembership m = membership()) {
            m.start();
            await("registered", m::registered);
            await("heartbeats", () -> registry.heartbeats.get() > 3);
            assertThat(registry.registrations).hasSize(1);
            assertThat(registry.registrations.peek().getNodeId()).isEqualTo("n1");
        }
        assertThat(registry.goodbyes).hasSize(1);
        assertThat(registry.goodbyes.peek().getBootId()).isEqualTo("b1");
    }

    @Test
    void shouldRegisterAgainWhenForgotten() throws Exception {
        try (FleetMembership m = membership()) {
            m.start();
            await("registered", m::registered);
            registry.known = false;
            await("registered again", () -> registry.registrations.size() == 2);
            await("known again", m::registered);
        }
    }

    @Test
    void shouldComeBackWhenTheControlPlaneDoes() throws Exception {
        try (FleetMembership m = membership()) {
            m.start();
            await("registered", m::registered);
            int port = server.getPort();
            stop();
            int before = registry.heartbeats.get();
            server = serve(port);
            await("heartbeats go on", () -> registry.heartbeats.get() > before);
        }
    }
}
