package dev.stockade.sentry.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StreamOpen;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.server.grpc.ServiceFixture;
import dev.stockade.sentry.server.runtime.FakeRuntime;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import io.grpc.Channel;
import io.grpc.stub.BlockingClientCall;
import io.quarkus.grpc.GrpcClient;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The service as Quarkus runs it, with a runtime that the test plays. */
@QuarkusTest
class SentryNodeQuarkusTest {
    private static final FakeRuntime RUNTIME = new FakeRuntime();

    /** In place of the kernel's. */
    @Singleton
    public static class FakeWiring {
        @Produces
        @Singleton
        SandboxRuntime runtime() {
            return RUNTIME;
        }
    }

    @GrpcClient("sentry")
    Channel channel;

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
                .contains("stockade_sandbox_creation_seconds_count 1.0");
        client.deleteSandbox(DeleteSandboxRequest.newBuilder().setKey(key).build());
        assertThat(get("/q/metrics")).contains("stockade_sandboxes{phase=\"stopped\"} 0.0");
    }
}
