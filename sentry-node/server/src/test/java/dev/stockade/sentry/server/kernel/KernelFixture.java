package dev.stockade.sentry.server.kernel;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.StreamError;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.kvm.hostfs.LocalTreeClient;
import dev.stockade.sentry.server.grpc.ServiceFixture;
import io.grpc.stub.BlockingClientCall;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** The service with the real kernel on KVM, its images a directory of this host. */
final class KernelFixture implements AutoCloseable {
    static final int MAX_TASKS = 64;

    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    final KvmPlatform platform;
    final KernelTelemetry telemetry;
    final ServiceFixture service;

    KernelFixture(Path root) throws Exception {
        assumeKvm();
        platform = KvmPlatform.open();
        telemetry = new KernelTelemetry(meters, OpenTelemetry.noop().getTracer("test"));
        KernelRuntime runtime = new KernelRuntime(
                platform, (address, image, sandbox) -> LocalTreeClient.open(root), new TaskBudget(1000), 2, telemetry);
        service = new ServiceFixture(runtime, 2048L << 20, 16);
    }

    static void assumeKvm() {
        Assumptions.assumeTrue(
                Files.isReadable(Path.of("/dev/kvm")) && Files.isWritable(Path.of("/dev/kvm")),
                "/dev/kvm is missing or may not be opened");
    }

    /** All that a command gave. */
    record Outcome(
            String stdout,
            String stderr,
            @Nullable ExitStatus exit,
            @Nullable StreamError error) {
        int code() {
            if (exit == null) {
                throw new AssertionError("no exit: " + error + " " + stdout + stderr);
            }
            return exit.getCode();
        }
    }

    static SandboxSpec.Builder spec(String... args) {
        SandboxSpec.Builder b = ServiceFixture.spec(args);
        b.getMainBuilder().setStdin(false);
        return b.setMaxTasks(MAX_TASKS);
    }

    /** Creates a sandbox, runs its main process to the end. */
    Outcome run(String id, SandboxSpec spec) throws Exception {
        SandboxKey key = ServiceFixture.key(id, 1);
        service.create(key, spec);
        return collect(service.open(key, "main"));
    }

    Outcome run(String id, String script) throws Exception {
        return run(id, spec("sh", "-c", script).build());
    }

    Outcome exec(SandboxKey key, String execution, String... args) throws Exception {
        service.client()
                .createExecution(CreateExecutionRequest.newBuilder()
                        .setKey(key)
                        .setExecutionId(execution)
                        .setCommand(CommandSpec.newBuilder().addAllArgs(List.of(args)))
                        .build());
        return collect(service.open(key, execution));
    }

    static Outcome collect(BlockingClientCall<StreamRequest, StreamResponse> stream) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        while (true) {
            StreamResponse r = ServiceFixture.next(stream);
            switch (r.getMessageCase()) {
                case STDOUT -> r.getStdout().writeTo(out);
                case STDERR -> r.getStderr().writeTo(err);
                case EXITED -> {
                    return outcome(out, err, r.getExited(), null);
                }
                case ERROR -> {
                    return outcome(out, err, null, r.getError());
                }
                case STARTED, MESSAGE_NOT_SET -> {}
            }
        }
    }

    private static Outcome outcome(
            ByteArrayOutputStream out,
            ByteArrayOutputStream err,
            @Nullable ExitStatus exit,
            @Nullable StreamError error) {
        return new Outcome(out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8), exit, error);
    }

    @Override
    public void close() {
        service.close();
        telemetry.close();
        platform.close();
    }
}
