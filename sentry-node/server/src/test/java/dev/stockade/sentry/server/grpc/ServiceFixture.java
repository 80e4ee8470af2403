package dev.stockade.sentry.server.grpc;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StreamOpen;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import dev.stockade.sentry.server.sandbox.NodeCapacity;
import dev.stockade.sentry.server.sandbox.ReportHub;
import dev.stockade.sentry.server.sandbox.SandboxLimits;
import dev.stockade.sentry.server.sandbox.SandboxTable;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** The service on a real HTTP/2 connection, without Quarkus. */
public final class ServiceFixture implements AutoCloseable {
    public static final long MEMORY = 64L << 20;
    public static final int LOG_BYTES = 64 * 1024;

    private final ScheduledExecutorService timers = Executors.newSingleThreadScheduledExecutor();
    private final SandboxTable table;
    private final Server server;
    private final ManagedChannel channel;

    public ServiceFixture(SandboxRuntime runtime) throws IOException {
        this(runtime, 4 * MEMORY, 3);
    }

    public ServiceFixture(SandboxRuntime runtime, long memory, int sandboxes) throws IOException {
        table = new SandboxTable(
                runtime,
                new NodeCapacity(memory, sandboxes),
                new SandboxLimits(MEMORY, 100, LOG_BYTES, 4, 100),
                new ReportHub(16),
                timers,
                new SandboxTable.CreationObserver() {
                    @Override
                    public void created(Duration took) {}

                    @Override
                    public void refused(Status.Code why) {}
                });
        server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                .addService(new SentryNodeService(table))
                .build()
                .start();
        channel = NettyChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext()
                .flowControlWindow(65535)
                .build();
    }

    public SandboxTable table() {
        return table;
    }

    public SentryNodeGrpc.SentryNodeBlockingV2Stub client() {
        return SentryNodeGrpc.newBlockingV2Stub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    }

    public SandboxReport create(SandboxKey key, SandboxSpec spec) throws Exception {
        return client().createSandbox(CreateSandboxRequest.newBuilder()
                        .setKey(key)
                        .setSpec(spec)
                        .build())
                .getReport();
    }

    public BlockingClientCall<StreamRequest, StreamResponse> open(SandboxKey key, String execution) throws Exception {
        BlockingClientCall<StreamRequest, StreamResponse> call = client().stream();
        call.write(StreamRequest.newBuilder()
                .setOpen(StreamOpen.newBuilder().setKey(key).setExecutionId(execution))
                .build());
        return call;
    }

    public static StreamResponse next(BlockingClientCall<StreamRequest, StreamResponse> call) throws Exception {
        StreamResponse r = call.read(30, TimeUnit.SECONDS);
        if (r == null) {
            throw new AssertionError("the stream ended");
        }
        return r;
    }

    public static SandboxKey key(String id, long incarnation) {
        return SandboxKey.newBuilder()
                .setSandboxId(id)
                .setIncarnation(incarnation)
                .build();
    }

    /** A sandbox whose main process starts when a client attaches. */
    public static SandboxSpec.Builder spec(String... args) {
        return SandboxSpec.newBuilder()
                .setImageId("sha256:0")
                .setImageName("busybox")
                .setGoferAddress("127.0.0.1:1")
                .setStartOnAttach(true)
                .setMain(CommandSpec.newBuilder()
                        .addAllArgs(java.util.List.of(args))
                        .setStdin(true));
    }

    /** Waits with a deadline. */
    public static void await(String what, BooleanSupplier condition) throws Exception {
        long deadlineNs = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadlineNs > 0) {
                throw new TimeoutException("not within 20 s: " + what);
            }
            Thread.onSpinWait();
            Thread.yield();
        }
    }

    @Override
    public void close() {
        table.close(Duration.ZERO);
        channel.shutdownNow();
        server.shutdownNow();
        timers.shutdownNow();
        try {
            channel.awaitTermination(10, TimeUnit.SECONDS);
            server.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
