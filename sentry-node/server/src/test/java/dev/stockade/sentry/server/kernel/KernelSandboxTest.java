package dev.stockade.sentry.server.kernel;

import static dev.stockade.sentry.server.grpc.ServiceFixture.key;
import static dev.stockade.sentry.server.grpc.ServiceFixture.next;
import static dev.stockade.sentry.server.kernel.KernelFixture.spec;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.StdinClosed;
import dev.stockade.proto.sentry.v1.StopSandboxRequest;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.sentry.server.kernel.KernelFixture.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The whole node but Quarkus and the gofer: busybox on the kernel on KVM, through gRPC. */
@Timeout(180)
class KernelSandboxTest {
    @TempDir
    static Path root;

    private static KernelFixture node;

    @BeforeAll
    static void start() throws Exception {
        KernelFixture.assumeKvm();
        BusyboxTree.make(root);
        node = new KernelFixture(root);
    }

    @AfterAll
    static void stop() {
        if (node != null) {
            node.close();
        }
    }

    private static void delete(String id) throws Exception {
        node.service
                .client()
                .deleteSandbox(
                        DeleteSandboxRequest.newBuilder().setKey(key(id, 1)).build());
    }

    @Test
    void shouldSayHello() throws Exception {
        Outcome o = node.run("hello", "echo hello; echo oh >&2; exit 7");
        assertThat(o.stdout()).isEqualTo("hello\n");
        assertThat(o.stderr()).isEqualTo("oh\n");
        assertThat(o.code()).isEqualTo(7);
        SandboxReport r = node.service.table().require(key("hello", 1)).awaitFinished();
        assertThat(r.getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_STOPPED);
        assertThat(r.getReason()).isEqualTo("exited");
        delete("hello");
    }

    @Test
    void shouldRunPipelinesAndBackgroundJobs() throws Exception {
        Outcome o = node.run(
                "pipes", "(echo b; echo a) | sort | tr a-z A-Z; sleep 100 & kill -TERM $!; wait $!; echo $?; echo $$");
        assertThat(o.stdout()).isEqualTo("A\nB\n143\n1\n");
        assertThat(o.code()).isZero();
        delete("pipes");
    }

    @Test
    void shouldFeedStandardInput() throws Exception {
        SandboxSpec.Builder s = spec("wc", "-c");
        s.getMainBuilder().setStdin(true);
        SandboxKey key = key("stdin", 1);
        node.service.create(key, s.build());
        var stream = node.service.open(key, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        byte[] chunk = new byte[10_000];
        for (int i = 0; i < 300; i++) {
            stream.write(StreamRequest.newBuilder()
                    .setStdin(ByteString.copyFrom(chunk))
                    .build());
        }
        stream.write(StreamRequest.newBuilder()
                .setStdinClosed(StdinClosed.getDefaultInstance())
                .build());
        Outcome o = KernelFixture.collect(stream);
        assertThat(o.stdout().strip()).isEqualTo("3000000");
        delete("stdin");
    }

    @Test
    void shouldLoseNoOutput() throws Exception {
        Outcome o = node.run("output", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
        assertThat(o.stdout().lines().count()).isEqualTo(20000);
        assertThat(o.stdout()).endsWith("line 19999\n");
        delete("output");
    }

    @Test
    void shouldLookLikeAContainer() throws Exception {
        SandboxSpec.Builder s = spec(
                "sh",
                "-c",
                "hostname; cat /etc/hostname; pwd; id -u; id -g; id -G; echo $HOME; echo $A; cat /etc/hosts");
        s.setHostname("box");
        s.getMainBuilder().setWorkingDir("/new/dir").setUser("app").addEnv("A=b c");
        Outcome o = node.run("container", s.build());
        assertThat(o.stdout())
                .startsWith("box\nbox\n/new/dir\n1000\n1000\n1000 29\n/home/app\nb c\n")
                .contains("127.0.0.1\tlocalhost box");
        delete("container");
    }

    @Test
    void shouldTellWhatCanNotRun() throws Exception {
        Outcome missing = node.run("missing", spec("nosuchprogram").build());
        assertThat(missing.error().getExitCode()).isEqualTo(127);
        assertThat(missing.error().getMessage()).contains("nosuchprogram");
        Outcome plain = node.run("plain", spec("/etc/passwd").build());
        assertThat(plain.error().getExitCode()).isEqualTo(126);
        SandboxSpec.Builder user = spec("true");
        user.getMainBuilder().setUser("nobodyhere");
        Outcome unknown = node.run("unknown", user.build());
        assertThat(unknown.error().getExitCode()).isEqualTo(125);
        assertThat(unknown.error().getMessage()).contains("nobodyhere");
        for (String id : List.of("missing", "plain", "unknown")) {
            assertThat(node.service.table().require(key(id, 1)).awaitFinished().getReason())
                    .isEqualTo("exec-failed");
            delete(id);
        }
    }

    @Test
    void shouldRunTenSandboxesAtOnce() throws Exception {
        List<Callable<Outcome>> all = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            int n = i;
            all.add(() -> node.run("ten" + n, "echo " + n + " > /tmp/mine; sleep 0.2; cat /tmp/mine; exit " + n));
        }
        try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
            int n = 0;
            for (Future<Outcome> f : callers.invokeAll(all)) {
                assertThat(f.get().stdout()).isEqualTo(n + "\n");
                assertThat(f.get().code()).isEqualTo(n);
                n++;
            }
        }
        for (int i = 0; i < 10; i++) {
            delete("ten" + i);
        }
    }

    @Test
    void shouldExecuteBesideTheMainProcess() throws Exception {
        SandboxKey key = key("exec", 1);
        node.service.create(key, spec("sleep", "1000").setStartOnAttach(false).build());
        Outcome first = node.exec(key, "e1", "sh", "-c", "echo from exec > /tmp/x; exit 3");
        assertThat(first.code()).isEqualTo(3);
        Outcome second = node.exec(key, "e2", "cat", "/tmp/x");
        assertThat(second.stdout()).isEqualTo("from exec\n");
        // SIGKILL does not reach PID 1 from inside its namespace.
        Outcome third = node.exec(key, "e3", "sh", "-c", "kill -9 1; echo $?; kill -9 $$");
        assertThat(third.code()).isEqualTo(137);
        assertThat(node.service.table().require(key).report().getPhase()).isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);
        // Processes that are left over go with PID 1.
        assertThat(node.exec(key, "e4", "sh", "-c", "sleep 1000 & exit 0").code())
                .isZero();
        SandboxReport r = node.service
                .client()
                .stopSandbox(StopSandboxRequest.newBuilder()
                        .setKey(key)
                        .setGraceMs(200)
                        .build())
                .getReport();
        // sleep as PID 1 has no handler for SIGTERM: it is ignored, then SIGKILL comes.
        assertThat(r.getExit().getSignal()).isEqualTo(9);
        assertThat(r.getReason()).isEqualTo("stopped");
        delete("exec");
    }

    @Test
    void shouldStopWithSigtermWhereItIsHandled() throws Exception {
        SandboxKey key = key("term", 1);
        node.service.create(
                key,
                spec("sh", "-c", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done")
                        .build());
        var stream = node.service.open(key, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        assertThat(next(stream).getStdout().toString(UTF_8)).isEqualTo("ready\n");
        SandboxReport r = node.service
                .client()
                .stopSandbox(StopSandboxRequest.newBuilder()
                        .setKey(key)
                        .setGraceMs(30_000)
                        .build())
                .getReport();
        assertThat(r.getExit().getCode()).isEqualTo(5);
        assertThat(KernelFixture.collect(stream).stdout()).isEqualTo("bye\n");
        delete("term");
    }

    @Test
    void shouldReapBehindInit() throws Exception {
        SandboxKey key = key("init", 1);
        node.service.create(
                key, spec("sh", "-c", "echo $$ $PPID; sleep 1000").setInit(true).build());
        var stream = node.service.open(key, "main");
        assertThat(next(stream).getStarted().getPid()).isEqualTo(2);
        assertThat(next(stream).getStdout().toString(UTF_8)).isEqualTo("2 1\n");
        // Not PID 1, so SIGTERM's default action is taken.
        stream.write(StreamRequest.newBuilder().setSignal(15).build());
        assertThat(KernelFixture.collect(stream).code()).isEqualTo(143);
        delete("init");
    }

    @Test
    void shouldKillAtTheTimeout() throws Exception {
        Outcome o = node.run("timeout", spec("sleep", "1000").setTimeoutMs(200).build());
        assertThat(o.code()).isEqualTo(137);
        assertThat(node.service
                        .table()
                        .require(key("timeout", 1))
                        .awaitFinished()
                        .getReason())
                .isEqualTo("timeout");
        delete("timeout");
    }

    @Test
    void shouldKillWhatEatsMemoryAndKeepTheOthers() throws Exception {
        SandboxKey other = key("bystander", 1);
        node.service.create(other, spec("sleep", "1000").setStartOnAttach(false).build());
        Outcome o = node.run(
                "hungry",
                spec("awk", "BEGIN { s = \"0123456789abcdef\"; while (1) s = s s }")
                        .setMemoryBytes(48L << 20)
                        .build());
        // Either the allocation fails and awk says so, or it is killed.
        assertThat(o.code()).isNotZero();
        Outcome dd = node.run(
                "dd",
                spec("dd", "if=/dev/zero", "of=/tmp/big", "bs=1M", "count=500")
                        .setMemoryBytes(48L << 20)
                        .build());
        assertThat(dd.code()).isNotZero();
        assertThat(node.service.table().require(other).report().getPhase())
                .isEqualTo(SandboxPhase.SANDBOX_PHASE_RUNNING);
        assertThat(node.exec(other, "e", "echo", "fine").stdout()).isEqualTo("fine\n");
        for (String id : List.of("bystander", "hungry", "dd")) {
            delete(id);
        }
    }

    @Test
    void shouldBoundAForkBomb() throws Exception {
        Outcome o = node.run(
                "bomb",
                spec("sh", "-c", "bomb() { bomb | bomb & }; bomb; sleep 2; echo survived")
                        .setTimeoutMs(20_000)
                        .build());
        // Whatever becomes of the shell, the sandbox ends and the node serves on.
        assertThat(o.exit()).isNotNull();
        delete("bomb");
        assertThat(node.run("after-bomb", "echo fine").stdout()).isEqualTo("fine\n");
        delete("after-bomb");
    }

    @Test
    void shouldCountWhatProgramsDo() throws Exception {
        node.run("figures", "cat /nosuchfile; echo x");
        delete("figures");
        assertThat(node.meters
                        .get("stockade.syscalls")
                        .tag("name", "write")
                        .tag("outcome", "ok")
                        .counter()
                        .count())
                .isPositive();
        assertThat(node.meters.get("stockade.syscalls").tag("outcome", "error").counters())
                .isNotEmpty();
        assertThat(node.meters
                        .get("stockade.vm.exits")
                        .tag("reason", "syscall")
                        .counter()
                        .count())
                .isPositive();
        assertThat(node.meters.get("stockade.page.faults").counter().count()).isPositive();
    }

    @Test
    void shouldRefuseTerminalsForNow() throws Exception {
        SandboxSpec s = spec("sh")
                .setMain(CommandSpec.newBuilder().addArgs("sh").setTty(true))
                .build();
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> node.service.create(key("tty", 1), s))
                .hasMessageContaining("terminals are not supported yet");
    }
}
