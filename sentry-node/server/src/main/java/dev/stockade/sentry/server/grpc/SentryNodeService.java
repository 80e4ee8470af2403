package dev.stockade.sentry.server.grpc;

import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.CreateExecutionResponse;
import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.CreateSandboxResponse;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxResponse;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesResponse;
import dev.stockade.proto.sentry.v1.LogsRequest;
import dev.stockade.proto.sentry.v1.LogsResponse;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StopSandboxRequest;
import dev.stockade.proto.sentry.v1.StopSandboxResponse;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.proto.sentry.v1.WatchRequest;
import dev.stockade.sentry.server.sandbox.LogRing;
import dev.stockade.sentry.server.sandbox.ReportHub;
import dev.stockade.sentry.server.sandbox.SandboxTable;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.Objects;

/** The contract of sentry.proto, for the control plane. */
@GrpcService
public class SentryNodeService extends SentryNodeGrpc.SentryNodeImplBase {
    private final SandboxTable table;

    @Inject
    public SentryNodeService(SandboxTable table) {
        this.table = table;
    }

    @Override
    public void createSandbox(CreateSandboxRequest request, StreamObserver<CreateSandboxResponse> observer) {
        Answers.answer(
                "create-sandbox",
                observer,
                () -> CreateSandboxResponse.newBuilder()
                        .setReport(table.create(request.getKey(), request.getSpec()))
                        .build());
    }

    @Override
    public void stopSandbox(StopSandboxRequest request, StreamObserver<StopSandboxResponse> observer) {
        Answers.answer(
                "stop-sandbox",
                observer,
                () -> StopSandboxResponse.newBuilder()
                        .setReport(table.stop(request.getKey(), Duration.ofMillis(Math.max(0, request.getGraceMs()))))
                        .build());
    }

    @Override
    public void deleteSandbox(DeleteSandboxRequest request, StreamObserver<DeleteSandboxResponse> observer) {
        Answers.answer("delete-sandbox", observer, () -> {
            table.delete(request.getKey());
            return DeleteSandboxResponse.getDefaultInstance();
        });
    }

    @Override
    public void listSandboxes(ListSandboxesRequest request, StreamObserver<ListSandboxesResponse> observer) {
        Answers.answer(
                "list-sandboxes",
                observer,
                () -> ListSandboxesResponse.newBuilder()
                        .addAllSandboxes(table.reports().snapshot())
                        .build());
    }

    @Override
    public void createExecution(CreateExecutionRequest request, StreamObserver<CreateExecutionResponse> observer) {
        Answers.answer("create-execution", observer, () -> {
            table.announce(request.getKey(), request.getExecutionId(), request.getCommand());
            return CreateExecutionResponse.getDefaultInstance();
        });
    }

    @Override
    public StreamObserver<StreamRequest> stream(StreamObserver<StreamResponse> observer) {
        return new StreamSession(table, call(observer));
    }

    @Override
    public void logs(LogsRequest request, StreamObserver<LogsResponse> observer) {
        ServerStream<LogsResponse> stream = new ServerStream<>(call(observer));
        stream.write("logs", () -> {
            LogRing ring = Objects.requireNonNull(
                    table.require(request.getKey()).main().log());
            LogRing.Reader reader = ring.reader();
            do {
                for (LogRing.Entry e = reader.poll(); e != null; e = reader.poll()) {
                    LogsResponse.Builder b = LogsResponse.newBuilder().setDroppedBytes(e.droppedBytes());
                    stream.send((e.stderr() ? b.setStderr(e.data()) : b.setStdout(e.data())).build());
                }
            } while (request.getFollow() && reader.awaitMore());
        });
    }

    @Override
    public void watch(WatchRequest request, StreamObserver<SandboxReport> observer) {
        ServerStream<SandboxReport> stream = new ServerStream<>(call(observer));
        // Subscribed before the method returns: what happens after the call began is seen.
        ReportHub.Subscription subscription = table.reports().subscribe();
        stream.write("watch", subscription::close, () -> {
            for (SandboxReport r : subscription.snapshot()) {
                stream.send(r);
            }
            for (SandboxReport r = subscription.next(); r != null; r = subscription.next()) {
                stream.send(r);
            }
            if (subscription.overflowed()) {
                throw Status.RESOURCE_EXHAUSTED
                        .withDescription("the watcher did not keep up: watch again for a new snapshot")
                        .asRuntimeException();
            }
        });
    }

    private static <T> ServerCallStreamObserver<T> call(StreamObserver<T> observer) {
        return (ServerCallStreamObserver<T>) observer;
    }
}
