package dev.stockade.sentry.server.grpc;

import static dev.stockade.sentry.server.grpc.ServiceFixture.key;
import static dev.stockade.sentry.server.grpc.ServiceFixture.next;
import static dev.stockade.sentry.server.grpc.ServiceFixture.spec;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.StopSandboxRequest;
import dev.stockade.proto.sentry.v1.WatchRequest;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.server.runtime.FakeProcess;
import dev.stockade.sentry.server.runtime.FakeRuntime;
import dev.stockade.sentry.server.runtime.RuntimeRefusal;
import io.grpc.Status;
import io.grpc.StatusException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SandboxCommandsTest {
    private static final SandboxKey KEY = key("s1", 3);

    private final FakeRuntime runtime = new FakeRuntime();
    private ServiceFixture service;

    @BeforeEach
    void start() throws Exception {
        service = new ServiceFixture(runtime);
    }

    @AfterEach
    void stop() throws Exception {
        service.close();
    }

    private static void assertStatus(Status.Code code, String text, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOfSatisfying(StatusException.class, e -> {
            assertThat(e.getStatus().getCode()).isEqualTo(code);
            assertThat(e.getStatus().getDescription()).contains(text);
        });
    }

    private void delete(SandboxKey key) throws StatusException {
        service.client()
                .deleteSandbox(DeleteSandboxRequest.newBuilder().setKey(key).build());
    }

    private SandboxReport stop(SandboxKey key, long graceMs) throws StatusException {
        return service.client()
                .stopSandbox(StopSandboxRequest.newBuilder()
                        .setKey(key)
                        .setGraceMs(graceMs)
                        .build())
                .getReport();
    }

    @Test
    void shouldCreateOnceHoweverOftenAsked() throws Exception {
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<SandboxReport>> calls = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                calls.add(() -> service.create(KEY, spec("/bin/true").build()));
            }
            for (Future<SandboxReport> f : callers.invokeAll(calls)) {
                assertThat(f.get().getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_CREATED);
            }
        }
        assertThat(runtime.creations()).hasValue(1);
    }

    @Test
    void shouldStartMainAtOnceUnlessAttachIsAwaited() throws Exception {
        SandboxReport r =
                service.create(KEY, spec("/bin/sleep").setStartOnAttach(false).build());
        assertThat(r.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);
        assertThat(runtime.instance(KEY).processes()).hasSize(1);
    }

    @Test
    void shouldRefuseOlderIncarnations() throws Exception {
        service.create(KEY, spec("/bin/true").build());
        SandboxKey older = key("s1", 2);
        assertStatus(
                Status.Code.FAILED_PRECONDITION,
                "older",
                () -> service.create(older, spec("/bin/true").build()));
        assertStatus(Status.Code.FAILED_PRECONDITION, "older", () -> stop(older, 0));
        assertStatus(Status.Code.FAILED_PRECONDITION, "older", () -> delete(older));
    }

    @Test
    void shouldReplaceAnOlderIncarnation() throws Exception {
        service.create(KEY, spec("/bin/true").build());
        SandboxKey newer = key("s1", 4);
        service.create(newer, spec("/bin/true").build());
        assertThat(runtime.instance(KEY).closed()).isTrue();
        assertThat(runtime.instance(newer).closed()).isFalse();
        assertThat(service.client()
                        .listSandboxes(ListSandboxesRequest.getDefaultInstance())
                        .getSandboxesList())
                .extracting(SandboxReport::getKey)
                .containsExactly(newer);
    }

    @Test
    void shouldNotCreateAgainWhatWasDeleted() throws Exception {
        service.create(KEY, spec("/bin/true").build());
        delete(KEY);
        delete(KEY);
        assertThat(runtime.instance(KEY).closed()).isTrue();
        assertStatus(
                Status.Code.FAILED_PRECONDITION,
                "deleted",
                () -> service.create(KEY, spec("/bin/true").build()));
        assertStatus(Status.Code.NOT_FOUND, "s1", () -> stop(KEY, 0));
        service.create(key("s1", 4), spec("/bin/true").build());
    }

    @Test
    void shouldRefuseMoreThanTheNodeHas() throws Exception {
        SandboxSpec big =
                spec("/bin/true").setMemoryBytes(3 * ServiceFixture.MEMORY).build();
        service.create(KEY, big);
        assertStatus(Status.Code.RESOURCE_EXHAUSTED, "memory", () -> service.create(key("s2", 1), big));
        stop(KEY, 0);
        service.create(key("s2", 1), big);
        delete(key("s2", 1));
        for (int i = 0; i < 3; i++) {
            service.create(key("t" + i, 1), spec("/bin/true").build());
        }
        assertStatus(
                Status.Code.RESOURCE_EXHAUSTED,
                "limit is 3",
                () -> service.create(key("t3", 1), spec("/bin/true").build()));
    }

    @Test
    void shouldRefuseBadSpecs() {
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "sandbox id",
                () -> service.create(key("", 1), spec("/bin/true").build()));
        assertStatus(Status.Code.INVALID_ARGUMENT, "command is empty", () -> service.create(KEY, spec().build()));
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "image_id",
                () -> service.create(KEY, spec("a").clearImageId().build()));
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "NUL",
                () -> service.create(KEY, spec("a\0b").build()));
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "memory_bytes",
                () -> service.create(KEY, spec("a").setMemoryBytes(5).build()));
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "host name",
                () -> service.create(KEY, spec("a").setHostname("a b").build()));
        assertStatus(
                Status.Code.INVALID_ARGUMENT,
                "NAME=VALUE",
                () -> service.create(
                        KEY,
                        spec("a")
                                .setMain(CommandSpec.newBuilder().addArgs("a").addEnv("novalue"))
                                .build()));
        assertStatus(
                Status.Code.UNIMPLEMENTED,
                "terminals are not supported yet",
                () -> service.create(
                        KEY,
                        spec("a")
                                .setMain(CommandSpec.newBuilder().addArgs("a").setTty(true))
                                .build()));
        assertThat(runtime.creations()).hasValue(0);
    }

    @Test
    void shouldSayWhyARuntimeRefusedAndAllowAnotherTry() throws Exception {
        runtime.refuse(new RuntimeRefusal(RuntimeRefusal.Kind.UNAVAILABLE, "gofer 127.0.0.1:1 does not answer"));
        assertStatus(
                Status.Code.UNAVAILABLE,
                "does not answer",
                () -> service.create(KEY, spec("a").build()));
        runtime.refuse(null);
        service.create(KEY, spec("a").build());
        assertThat(service.table().capacity().reservedSandboxes()).isEqualTo(1);
    }

    @Test
    void shouldStopWithSigtermFirst() throws Exception {
        service.create(KEY, spec("a").setStartOnAttach(false).build());
        SandboxReport r = stop(KEY, 60_000);
        assertThat(runtime.instance(KEY).processes().getFirst().signals()).containsExactly(15);
        assertThat(r.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_STOPPED);
        assertThat(r.getReason()).isEqualTo("stopped");
        assertThat(r.getExit().getCode()).isEqualTo(143);
        assertThat(runtime.instance(KEY).closed()).isTrue();
        assertThat(stop(KEY, 0)).isEqualTo(r);
        assertThat(service.table().capacity().reservedBytes()).isZero();
    }

    @Test
    void shouldKillWhatIgnoresSigterm() throws Exception {
        service.create(KEY, spec("a").setStartOnAttach(false).build());
        runtime.instance(KEY).processes().getFirst().ignoreSignals();
        SandboxReport r = stop(KEY, 50);
        assertThat(r.getExit().getSignal()).isEqualTo(9);
        assertThat(r.getReason()).isEqualTo("stopped");
    }

    @Test
    void shouldStopWhatNeverStarted() throws Exception {
        service.create(KEY, spec("a").build());
        SandboxReport r = stop(KEY, 1000);
        assertThat(r.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_STOPPED);
        assertThat(r.hasExit()).isFalse();
        assertThat(next(service.open(KEY, "main")).getError().getMessage()).contains("stopped before");
    }

    @Test
    void shouldKillAtTheTimeout() throws Exception {
        service.create(KEY, spec("a").setStartOnAttach(false).setTimeoutMs(30).build());
        SandboxReport r = service.table().require(KEY).awaitFinished();
        assertThat(r.getReason()).isEqualTo("timeout");
        assertThat(r.getExit().getCode()).isEqualTo(137);
    }

    @Test
    void shouldReportExitReasons() throws Exception {
        assertThat(reasonFor("e1", ProcessExit.exited(7))).isEqualTo("exited");
        assertThat(reasonFor("e2", ProcessExit.killed(11))).isEqualTo("signaled");
        assertThat(reasonFor("e3", new ProcessExit(137, 9, true))).isEqualTo("oom-killed");
    }

    private String reasonFor(String id, ProcessExit how) throws Exception {
        SandboxKey key = key(id, 1);
        service.create(key, spec("a").setStartOnAttach(false).build());
        runtime.instance(key).processes().getFirst().end(how);
        return service.table().require(key).awaitFinished().getReason();
    }

    @Test
    void shouldFailOneSandboxOfAPanicAndKeepTheOthers() throws Exception {
        service.create(KEY, spec("a").build());
        SandboxKey other = key("s2", 1);
        service.create(other, spec("a").setStartOnAttach(false).build());
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        runtime.instance(KEY).panicWith("kernel bug: boom\nat somewhere");
        assertThat(next(stream).getError().getMessage()).contains("kernel bug: boom");
        SandboxReport r = service.table().require(KEY).awaitFinished();
        assertThat(r.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_FAILED);
        assertThat(r.getReason()).isEqualTo("kernel-panic");
        assertThat(r.getMessage()).contains("at somewhere");
        assertThat(service.table().require(other).report().getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);
    }

    @Test
    void shouldAnnounceExecutionsOnlyInARunningSandboxAndBounded() throws Exception {
        service.create(KEY, spec("a").build());
        CreateExecutionRequest.Builder e = CreateExecutionRequest.newBuilder()
                .setKey(KEY)
                .setCommand(CommandSpec.newBuilder().addArgs("b"));
        assertStatus(
                Status.Code.FAILED_PRECONDITION,
                "not running",
                () -> service.client().createExecution(e.setExecutionId("x").build()));
        assertThat(next(service.open(KEY, "main")).hasStarted()).isTrue();
        for (int i = 0; i < 4; i++) {
            service.client().createExecution(e.setExecutionId("x" + i).build());
            service.client().createExecution(e.setExecutionId("x" + i).build());
        }
        assertStatus(
                Status.Code.RESOURCE_EXHAUSTED,
                "4 executions",
                () -> service.client().createExecution(e.setExecutionId("x4").build()));
    }

    @Test
    void shouldWatchASnapshotAndThenChanges() throws Exception {
        service.create(KEY, spec("a").setStartOnAttach(false).build());
        var watch = service.client().watch(WatchRequest.getDefaultInstance());
        SandboxReport first = watch.read(30, TimeUnit.SECONDS);
        assertThat(first.getSnapshot()).isTrue();
        assertThat(first.getKey()).isEqualTo(KEY);
        assertThat(first.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);
        runtime.instance(KEY).listener().event("oom-kill", Map.of("pid", "4"));
        SandboxReport event = watch.read(30, TimeUnit.SECONDS);
        assertThat(event.getSnapshot()).isFalse();
        assertThat(event.getEvents(0).getType()).isEqualTo("oom-kill");
        assertThat(event.getEvents(0).getAttributesMap()).containsEntry("pid", "4");
        runtime.instance(KEY).processes().getFirst().end(ProcessExit.exited(0));
        assertThat(watch.read(30, TimeUnit.SECONDS).getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_STOPPED);
        watch.cancel("enough", null);
    }

    @Test
    void shouldCutOffAWatcherThatDoesNotKeepUp() throws Exception {
        service.create(KEY, spec("a").setStartOnAttach(false).build());
        var watch = service.client().watch(WatchRequest.getDefaultInstance());
        assertThat(watch.read(30, TimeUnit.SECONDS).getSnapshot()).isTrue();
        String ballast = "x".repeat(8192);
        for (int i = 0; i < 100; i++) {
            runtime.instance(KEY).listener().event("oom-kill", Map.of("ballast", ballast));
        }
        assertStatus(Status.Code.RESOURCE_EXHAUSTED, "watch again", () -> {
            while (watch.read(30, TimeUnit.SECONDS) != null) {
                // what was on its way
            }
        });
        FakeProcess main = runtime.instance(KEY).processes().getFirst();
        main.end(ProcessExit.exited(0));
        assertThat(service.table().require(KEY).awaitFinished().getReason()).isEqualTo("exited");
    }
}
