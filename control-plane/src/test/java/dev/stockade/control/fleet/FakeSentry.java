package dev.stockade.control.fleet;

import dev.stockade.proto.control.v1.Capacity;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.CreateExecutionResponse;
import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.CreateSandboxResponse;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxResponse;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesResponse;
import dev.stockade.proto.sentry.v1.LogsRequest;
import dev.stockade.proto.sentry.v1.LogsResponse;
import dev.stockade.proto.sentry.v1.NodeEvent;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StopSandboxRequest;
import dev.stockade.proto.sentry.v1.StopSandboxResponse;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.proto.sentry.v1.WatchRequest;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A sentry node without kernels: it keeps the contract of sentry.proto, its programs are {@link FakeProgram}s. */
public final class FakeSentry extends SentryNodeGrpc.SentryNodeImplBase implements AutoCloseable {
    private static final Metadata.Key<String> TRACEPARENT =
            Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER);

    private final String id;
    private final Capacity capacity;
    private Server server;
    private Registration registration;
    private final Map<String, Held> sandboxes = new ConcurrentHashMap<>();
    private final Set<StreamObserver<SandboxReport>> watchers = ConcurrentHashMap.newKeySet();
    public final List<FakeProgram> programs = new CopyOnWriteArrayList<>();
    public final List<String> deleted = new CopyOnWriteArrayList<>();
    public final List<String> traceparents = new CopyOnWriteArrayList<>();
    public final AtomicInteger creates = new AtomicInteger();

    /** Fails so many requests to create as a node that can't be reached would. */
    public final AtomicInteger unreachableCreates = new AtomicInteger();

    /** Likewise requests to stop, after they were done. */
    public final AtomicInteger lostStopAnswers = new AtomicInteger();

    /** Why requests to create are refused, if they are. */
    public volatile String refusal = "";

    private static final class Held {
        final SandboxKey key;
        final SandboxSpec spec;
        SandboxReport report;

        Held(SandboxKey key, SandboxSpec spec, SandboxReport report) {
            this.key = key;
            this.spec = spec;
            this.report = report;
        }
    }

    public static Capacity capacity(int sandboxes) {
        return Capacity.newBuilder()
                .setMemoryBytes(64L << 30)
                .setCpus(8)
                .setSandboxes(sandboxes)
                .build();
    }

    public FakeSentry(String id) {
        this(id, capacity(1000));
    }

    public FakeSentry(String id, Capacity capacity) {
        this.id = id;
        this.capacity = capacity;
        server = listen(0);
        registration = new Registration(id, NodeKind.NODE_KIND_SENTRY, server.getPort(), capacity);
    }

    private Server listen(int port) {
        try {
            return NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                    .addService(this)
                    .intercept(new ServerInterceptor() {
                        @Override
                        public <Q, A> ServerCall.Listener<Q> interceptCall(
                                ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
                            String trace = headers.get(TRACEPARENT);
                            if (trace != null
                                    && !call.getMethodDescriptor()
                                            .getFullMethodName()
                                            .endsWith("/Watch")) {
                                traceparents.add(trace);
                            }
                            return Contexts.interceptCall(Context.current(), call, headers, next);
                        }
                    })
                    .build()
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String id() {
        return id;
    }

    public Registration registration() {
        return registration;
    }

    public Set<String> held() {
        return Set.copyOf(sandboxes.keySet());
    }

    public SandboxSpec spec(String sandboxId) {
        return sandboxes.get(sandboxId).spec;
    }

    /** The process starts anew: everything it held is gone. */
    public void restart() {
        registration.close();
        sandboxes.clear();
        watchers.forEach(watcher -> watcher.onError(Status.UNAVAILABLE.asRuntimeException()));
        watchers.clear();
        registration = new Registration(id, NodeKind.NODE_KIND_SENTRY, server.getPort(), capacity);
    }

    /** Nobody reaches it and it reaches nobody, but it goes on. */
    public void cutOff() {
        registration.silence();
        int port = server.getPort();
        server.shutdownNow();
        try {
            server.awaitTermination();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        cutOffPort = port;
    }

    private int cutOffPort;

    /** It is reached again, as the same process. */
    public void reconnect() {
        server = listen(cutOffPort);
        registration = registration.again();
    }

    /** Whether reports get lost. */
    public void mute(boolean muted) {
        this.muted = muted;
    }

    private volatile boolean muted;

    /** As SIGKILL does. */
    public void kill() {
        server.shutdownNow();
        registration.close();
    }

    /** Holds a sandbox that nobody asked for. */
    public void plant(String sandboxId) {
        SandboxKey key = SandboxKey.newBuilder()
                .setSandboxId(sandboxId)
                .setIncarnation(1)
                .build();
        sandboxes.put(
                sandboxId,
                new Held(key, SandboxSpec.getDefaultInstance(), report(key, SandboxPhase.SANDBOX_PHASE_RUNNING)));
    }

    /** Forgets a sandbox without saying so. */
    public void forget(String sandboxId) {
        sandboxes.remove(sandboxId);
    }

    /** Breaks every Watch, so that the control plane has to connect anew. */
    public void breakWatches() {
        watchers.forEach(watcher -> {
            watchers.remove(watcher);
            watcher.onError(
                    Status.UNAVAILABLE.withDescription("broken by the test").asRuntimeException());
        });
    }

    public boolean isWatched() {
        return !watchers.isEmpty();
    }

    /** The main process ends. */
    public void exit(String sandboxId, int code, String reason) {
        Held held = sandboxes.get(sandboxId);
        change(
                held,
                SandboxReport.newBuilder()
                        .setPhase(SandboxPhase.SANDBOX_PHASE_STOPPED)
                        .setExit(ExitStatus.newBuilder().setCode(code).setSignal(code > 128 ? code - 128 : 0))
                        .setReason(reason));
    }

    public void event(String sandboxId, NodeEvent event) {
        Held held = sandboxes.get(sandboxId);
        send(held.report.toBuilder().addEvents(event).build());
    }

    private static SandboxReport report(SandboxKey key, SandboxPhase phase) {
        return SandboxReport.newBuilder()
                .setKey(key)
                .setPhase(phase)
                .setTimeNs(nowNs())
                .build();
    }

    private static long nowNs() {
        return System.currentTimeMillis() * 1_000_000;
    }

    private void change(Held held, SandboxReport.Builder next) {
        synchronized (held) {
            held.report = next.setKey(held.key).setTimeNs(nowNs()).build();
        }
        send(held.report);
    }

    private void send(SandboxReport report) {
        if (muted) {
            return;
        }
        for (StreamObserver<SandboxReport> watcher : watchers) {
            synchronized (watcher) {
                watcher.onNext(report);
            }
        }
    }

    @Override
    public void createSandbox(CreateSandboxRequest request, StreamObserver<CreateSandboxResponse> answer) {
        creates.incrementAndGet();
        if (unreachableCreates.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            answer.onError(Status.UNAVAILABLE.withDescription("not now").asRuntimeException());
            return;
        }
        if (!refusal.isEmpty()) {
            answer.onError(Status.RESOURCE_EXHAUSTED.withDescription(refusal).asRuntimeException());
            return;
        }
        Held held = sandboxes.computeIfAbsent(
                request.getKey().getSandboxId(),
                id -> new Held(
                        request.getKey(),
                        request.getSpec(),
                        report(
                                request.getKey(),
                                request.getSpec().getStartOnAttach()
                                        ? SandboxPhase.SANDBOX_PHASE_CREATED
                                        : SandboxPhase.SANDBOX_PHASE_RUNNING)));
        send(held.report);
        reply(answer, CreateSandboxResponse.newBuilder().setReport(held.report).build());
    }

    @Override
    public void stopSandbox(StopSandboxRequest request, StreamObserver<StopSandboxResponse> answer) {
        Held held = sandboxes.get(request.getKey().getSandboxId());
        if (held == null) {
            answer.onError(Status.NOT_FOUND.withDescription("no such sandbox").asRuntimeException());
            return;
        }
        if (held.report.getPhase() == SandboxPhase.SANDBOX_PHASE_CREATED) {
            change(
                    held,
                    SandboxReport.newBuilder()
                            .setPhase(SandboxPhase.SANDBOX_PHASE_STOPPED)
                            .setReason("stopped"));
        } else if (held.report.getPhase() == SandboxPhase.SANDBOX_PHASE_RUNNING) {
            exit(held.key.getSandboxId(), 143, "stopped");
        }
        if (lostStopAnswers.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            answer.onError(Status.UNAVAILABLE.asRuntimeException());
            return;
        }
        reply(answer, StopSandboxResponse.newBuilder().setReport(held.report).build());
    }

    @Override
    public void deleteSandbox(DeleteSandboxRequest request, StreamObserver<DeleteSandboxResponse> answer) {
        sandboxes.remove(request.getKey().getSandboxId());
        deleted.add(request.getKey().getSandboxId());
        reply(answer, DeleteSandboxResponse.getDefaultInstance());
    }

    @Override
    public void listSandboxes(ListSandboxesRequest request, StreamObserver<ListSandboxesResponse> answer) {
        ListSandboxesResponse.Builder list = ListSandboxesResponse.newBuilder();
        sandboxes.values().forEach(held -> list.addSandboxes(held.report));
        reply(answer, list.build());
    }

    @Override
    public void watch(WatchRequest request, StreamObserver<SandboxReport> answer) {
        synchronized (answer) {
            watchers.add(answer);
            ((ServerCallStreamObserver<SandboxReport>) answer).setOnCancelHandler(() -> watchers.remove(answer));
            sandboxes
                    .values()
                    .forEach(held -> answer.onNext(
                            held.report.toBuilder().setSnapshot(true).build()));
        }
    }

    @Override
    public void createExecution(CreateExecutionRequest request, StreamObserver<CreateExecutionResponse> answer) {
        Held held = sandboxes.get(request.getKey().getSandboxId());
        if (held == null) {
            answer.onError(Status.NOT_FOUND.asRuntimeException());
            return;
        }
        executions.put(request.getExecutionId(), request);
        reply(answer, CreateExecutionResponse.getDefaultInstance());
    }

    public final Map<String, CreateExecutionRequest> executions = new ConcurrentHashMap<>();

    @Override
    public StreamObserver<StreamRequest> stream(StreamObserver<StreamResponse> answer) {
        FakeProgram program = new FakeProgram(this, (ServerCallStreamObserver<StreamResponse>) answer);
        programs.add(program);
        return program;
    }

    List<String> args(String sandboxId, String executionId) {
        return executionId.equals("main")
                ? sandboxes.get(sandboxId).spec.getMain().getArgsList()
                : executions.get(executionId).getCommand().getArgsList();
    }

    void started(String sandboxId, String executionId) {
        if (executionId.equals("main")) {
            change(sandboxes.get(sandboxId), SandboxReport.newBuilder().setPhase(SandboxPhase.SANDBOX_PHASE_RUNNING));
        } else {
            event(
                    sandboxId,
                    NodeEvent.newBuilder()
                            .setType("exec-started")
                            .setExecutionId(executionId)
                            .setTimeNs(nowNs())
                            .build());
        }
    }

    void exited(String sandboxId, String executionId, int code) {
        if (executionId.equals("main")) {
            exit(sandboxId, code, "exited");
        } else {
            event(
                    sandboxId,
                    NodeEvent.newBuilder()
                            .setType("exec-exited")
                            .setExecutionId(executionId)
                            .setTimeNs(nowNs())
                            .setExit(ExitStatus.newBuilder().setCode(code))
                            .build());
        }
    }

    /** What {@link #logs} sends. */
    public volatile Consumer<ServerCallStreamObserver<LogsResponse>> logs = answer -> answer.onCompleted();

    @Override
    public void logs(LogsRequest request, StreamObserver<LogsResponse> answer) {
        logs.accept((ServerCallStreamObserver<LogsResponse>) answer);
    }

    private static <T> void reply(StreamObserver<T> answer, T message) {
        answer.onNext(message);
        answer.onCompleted();
    }

    @Override
    public void close() {
        if (!server.isShutdown()) {
            registration.silence();
            registration.deregister();
            registration.close();
            server.shutdownNow();
        }
    }
}
