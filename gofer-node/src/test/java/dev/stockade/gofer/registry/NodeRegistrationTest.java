package dev.stockade.gofer.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.DeregisterResponse;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.HeartbeatResponse;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.control.v1.NodeRegistryGrpc;
import dev.stockade.proto.control.v1.RegisterRequest;
import dev.stockade.proto.control.v1.RegisterResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NodeRegistrationTest {
    /** A control plane that knows a node until it forgets. */
    private static final class FakeRegistry extends NodeRegistryGrpc.NodeRegistryImplBase {
        final BlockingQueue<RegisterRequest> registered = new LinkedBlockingQueue<>();
        final BlockingQueue<HeartbeatRequest> heartbeats = new LinkedBlockingQueue<>();
        final List<DeregisterRequest> gone = new CopyOnWriteArrayList<>();
        volatile boolean known;

        @Override
        public void register(RegisterRequest request, StreamObserver<RegisterResponse> out) {
            known = true;
            registered.add(request);
            out.onNext(RegisterResponse.newBuilder().setHeartbeatIntervalMs(1).build());
            out.onCompleted();
        }

        @Override
        public void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatResponse> out) {
            heartbeats.add(request);
            out.onNext(HeartbeatResponse.newBuilder().setKnown(known).build());
            out.onCompleted();
        }

        @Override
        public void deregister(DeregisterRequest request, StreamObserver<DeregisterResponse> out) {
            gone.add(request);
            out.onNext(DeregisterResponse.getDefaultInstance());
            out.onCompleted();
        }
    }

    private final FakeRegistry registry = new FakeRegistry();
    private Server server;

    @BeforeEach
    void start() throws IOException {
        server = start(0);
    }

    private Server start(int port) throws IOException {
        return Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
                .addService(registry)
                .build()
                .start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
    }

    private int port() {
        return ((InetSocketAddress) server.getListenSockets().getFirst()).getPort();
    }

    private NodeRegistration registration() {
        return new NodeRegistration(
                Grpc.newChannelBuilder("127.0.0.1:" + port(), InsecureChannelCredentials.create())
                        .build(),
                "node-1",
                "gofer:7410",
                Map.of("zone", "a"),
                "0.1",
                Duration.ofSeconds(10));
    }

    @Test
    void shouldRegisterStayKnownAndSayGoodbye() throws Exception {
        try (NodeRegistration registration = registration()) {
            registration.start();
            RegisterRequest first = registry.registered.poll(60, TimeUnit.SECONDS);
            assertThat(first.getKind()).isEqualTo(NodeKind.NODE_KIND_GOFER);
            assertThat(first.getNodeId()).isEqualTo("node-1");
            assertThat(first.getAddress()).isEqualTo("gofer:7410");
            assertThat(first.getLabelsMap()).containsEntry("zone", "a");
            HeartbeatRequest heartbeat = registry.heartbeats.poll(60, TimeUnit.SECONDS);
            assertThat(heartbeat.getBootId()).isEqualTo(first.getBootId());
            registry.known = false;
            RegisterRequest again = registry.registered.poll(60, TimeUnit.SECONDS);
            assertThat(again).as("a control plane that forgot is told again").isEqualTo(first);
            registry.heartbeats.clear();
            assertThat(registry.heartbeats.poll(60, TimeUnit.SECONDS)).isNotNull();
        }
        assertThat(registry.gone)
                .singleElement()
                .satisfies(g -> assertThat(g.getNodeId()).isEqualTo("node-1"));
    }

    @Test
    void shouldWaitForAControlPlaneThatIsAway() throws Exception {
        int port = port();
        try (NodeRegistration registration = registration()) {
            server.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
            registration.start();
            assertThat(registration.registered()).isFalse();
            server = start(port);
            assertThat(registry.registered.poll(60, TimeUnit.SECONDS)).isNotNull();
        }
    }
}
