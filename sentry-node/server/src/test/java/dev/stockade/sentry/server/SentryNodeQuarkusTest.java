package dev.stockade.sentry.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StreamOpen;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.server.grpc.ServiceFixture;
import dev.stockade.sentry.server.runtime.FakeRuntime;
import dev.stockade.sentry.server.runtime.RuntimeRefusal;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import dev.stockade.sentry.server.runtime.SandboxListener;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.MetadataUtils;
import io.opentelemetry.api.trace.Span;
import io.quarkus.grpc.GrpcClient;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.junit.jupiter.api.Test;

/** The service as Quarkus runs it, with a runtime that the test plays. */
@QuarkusTest
class SentryNodeQuarkusTest {
    private static final FakeRuntime RUNTIME = new FakeRuntime();

    /** The trace in which each sandbox was created. */
    private static final Map<SandboxKey, String> TRACES = new ConcurrentHashMap<>();

    /** In place of the kernel's. */
    @Singleton
    public static class FakeWiring {
        @Produces
        @Singleton
        SandboxRuntime runtime() {
            return new SandboxRuntime() {
                @Override
                public String describe() {
                    return RUNTIME.describe();
                }

                @Override
                public boolean supportsTerminals() {
                    return RUNTIME.supportsTerminals();
                }

                @Override
                public SandboxInstance create(SandboxKey key, SandboxSpec spec, SandboxListener listener)
                        throws RuntimeRefusal {
                    TRACES.put(key, Span.current().getSpanContext().getTraceId());
                    return RUNTIME.create(key, spec, listener);
                }
            };
        }
    }

    @GrpcClient("sentry")
    Channel channel;

    @ConfigProperty(name = "quarkus.grpc.server.test-port")
    int grpcPort;

    @TestHTTPResource("/")
    URI http;

    private String get(String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> r = client.send(
                    HttpRequest.newBuilder(http.resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
            assertThat(r.statusCode()).isEqualTo(200);
            return r.body();
        }
    }

    @Test
    void shouldServeSandboxesHealthAndFigures() throws Exception {
        var client = SentryNodeGrpc.newBlockingV2Stub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
        SandboxKey key = ServiceFixture.key("q1", 1);
        client.createSandbox(CreateSandboxRequest.newBuilder()
                .setKey(key)
                .setSpec(ServiceFixture.spec("/bin/prog"))
                .build());
        BlockingClientCall<StreamRequest, StreamResponse> stream = client.stream();
        stream.write(StreamRequest.newBuilder()
                .setOpen(StreamOpen.newBuilder().setKey(key).setExecutionId("main"))
                .build());
        assertThat(ServiceFixture.next(stream).hasStarted()).isTrue();
        assertThat(client.listSandboxes(ListSandboxesRequest.getDefaultInstance())
                        .getSandboxes(0)
                        .getPhase())
                .isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);

        // Far more than the connection buffers: flow control works as Quarkus runs the server.
        int bytes = 8 << 20;
        Thread guest = Thread.ofVirtual().start(() -> {
            try {
                RUNTIME.instance(key).processes().getFirst().print(new byte[bytes]);
                RUNTIME.instance(key).processes().getFirst().end(ProcessExit.exited(6));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        int seen = 0;
        StreamResponse r = ServiceFixture.next(stream);
        for (; r.hasStdout(); r = ServiceFixture.next(stream)) {
            seen += r.getStdout().size();
        }
        assertThat(r.getExited().getCode()).isEqualTo(6);
        assertThat(seen).isEqualTo(bytes);
        guest.join();

        assertThat(get("/q/health/ready")).contains("\"UP\"").contains("sentry-node");
        assertThat(get("/q/metrics"))
                .contains("stockade_sandboxes{phase=\"stopped\"} 1.0")
                .contains("stockade_sandbox_creation_seconds_count");
        client.deleteSandbox(DeleteSandboxRequest.newBuilder().setKey(key).build());
        assertThat(get("/q/metrics")).contains("stockade_sandboxes{phase=\"stopped\"} 0.0");
    }

    @Test
    void shouldWorkInTheCallersTrace() throws Exception {
        String trace = "0af7651916cd43dd8448eb211c80319c";
        Metadata headers = new Metadata();
        headers.put(
                Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER),
                "00-" + trace + "-b7ad6b7169203331-01");
        SandboxKey key = ServiceFixture.key("q2", 1);
        // A channel of its own: the injected one begins traces itself.
        ManagedChannel plain = NettyChannelBuilder.forAddress("127.0.0.1", grpcPort)
                .usePlaintext()
                .build();
        try {
            var client = SentryNodeGrpc.newBlockingStub(plain)
                    .withDeadlineAfter(60, TimeUnit.SECONDS)
                    .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
            client.createSandbox(CreateSandboxRequest.newBuilder()
                    .setKey(key)
                    .setSpec(ServiceFixture.spec("/bin/prog"))
                    .build());
            assertThat(TRACES.get(key)).isEqualTo(trace);
            client.deleteSandbox(DeleteSandboxRequest.newBuilder().setKey(key).build());
        } finally {
            plain.shutdownNow();
        }
    }
}
