package dev.stockade.sentry.server.grpc;

import static dev.stockade.sentry.server.grpc.ServiceFixture.await;
import static dev.stockade.sentry.server.grpc.ServiceFixture.key;
import static dev.stockade.sentry.server.grpc.ServiceFixture.next;
import static dev.stockade.sentry.server.grpc.ServiceFixture.spec;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.LogsRequest;
import dev.stockade.proto.sentry.v1.LogsResponse;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.StdinClosed;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.server.runtime.FakeProcess;
import dev.stockade.sentry.server.runtime.FakeRuntime;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.io.ByteArrayOutputStream;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StreamTest {
    private static final SandboxKey KEY = key("s1", 1);

    private final FakeRuntime runtime = new FakeRuntime();
    private ServiceFixture service;

    @BeforeEach
    void start() throws Exception {
        service = new ServiceFixture(runtime);
        service.create(KEY, spec("/bin/prog").build());
    }

    @AfterEach
    void stop() throws Exception {
        service.close();
    }

    private FakeProcess process(int index) {
        return runtime.instance(KEY).processes().get(index);
    }

    private static StreamRequest stdin(byte[] data) {
        return StreamRequest.newBuilder().setStdin(ByteString.copyFrom(data)).build();
    }

    private static final StreamRequest STDIN_CLOSED = StreamRequest.newBuilder()
            .setStdinClosed(StdinClosed.getDefaultInstance())
            .build();

    @Test
    void shouldStartMainWithTheFirstStreamAndEndWithItsStatus() throws Exception {
        assertThat(runtime.instance(KEY).processes()).isEmpty();
        var stream = service.open(KEY, "main");
        assertThat(next(stream).getStarted().getPid()).isEqualTo(1);
        process(0).print("hello\n");
        assertThat(next(stream).getStdout().toStringUtf8()).isEqualTo("hello\n");
        process(0).complain("oh\n");
        assertThat(next(stream).getStderr().toStringUtf8()).isEqualTo("oh\n");
        process(0).print("last words");
        process(0).end(ProcessExit.exited(7));
        assertThat(next(stream).getStdout().toStringUtf8()).isEqualTo("last words");
        assertThat(next(stream).getExited().getCode()).isEqualTo(7);
        assertThat(stream.read(30, TimeUnit.SECONDS)).isNull();
        // and again for whoever comes late
        assertThat(next(service.open(KEY, "main")).getExited().getCode()).isEqualTo(7);
    }

    @Test
    void shouldTellExecveErrorsInTheShellsTerms() throws Exception {
        SandboxKey missing = key("m", 1);
        service.create(missing, spec("/missing").build());
        StreamResponse r = next(service.open(missing, "main"));
        assertThat(r.getError().getExitCode()).isEqualTo(127);
        assertThat(r.getError().getErrno()).isEqualTo(2);
        assertThat(r.getError().getMessage()).contains("no such file");
        assertThat(service.table().require(missing).awaitFinished().getReason()).isEqualTo("exec-failed");

        SandboxKey data = key("d", 1);
        service.create(data, spec("/data").build());
        assertThat(next(service.open(data, "main")).getError().getExitCode()).isEqualTo(126);
    }

    @Test
    void shouldPassStandardInputAndItsEnd() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        stream.write(stdin("ab".getBytes(UTF_8)));
        stream.write(stdin("cd".getBytes(UTF_8)));
        stream.write(STDIN_CLOSED);
        ByteArrayOutputStream seen = new ByteArrayOutputStream();
        byte[] buffer = new byte[16];
        for (int n = process(0).read(buffer); n >= 0; n = process(0).read(buffer)) {
            seen.write(buffer, 0, n);
        }
        assertThat(seen.toString(UTF_8)).isEqualTo("abcd");
    }

    @Test
    void shouldNotTakeMoreInputThanTheGuestReads() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        byte[] chunk = new byte[16 * 1024];
        new Random(1).nextBytes(chunk);
        long total = 16L << 20;
        AtomicLong sent = new AtomicLong();
        Thread sender = Thread.ofVirtual().start(() -> {
            try {
                while (sent.get() < total) {
                    stream.write(stdin(chunk));
                    sent.addAndGet(chunk.length);
                }
                stream.write(STDIN_CLOSED);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        awaitStandstill(sent);
        assertThat(sent.get()).isLessThan(2L << 20);
        byte[] buffer = new byte[64 * 1024];
        long seen = 0;
        for (int n = process(0).read(buffer); n >= 0; n = process(0).read(buffer)) {
            for (int i = 0; i < n; i++) {
                if (buffer[i] != chunk[(int) ((seen + i) % chunk.length)]) {
                    throw new AssertionError("wrong byte at " + (seen + i));
                }
            }
            seen += n;
        }
        assertThat(seen).isEqualTo(total);
        sender.join();
    }

    /** Waits until a counter has not moved for a while: there is no event for "nothing happens". */
    private static void awaitStandstill(AtomicLong counter) throws Exception {
        long last = -1;
        int same = 0;
        while (same < 20) {
            long now = counter.get();
            same = now == last && now > 0 ? same + 1 : 0;
            last = now;
            TimeUnit.MILLISECONDS.sleep(10);
        }
    }

    private AtomicLong writeInBackground(FakeProcess process, byte[] pattern, long total) {
        AtomicLong written = new AtomicLong();
        Thread.ofVirtual().start(() -> {
            try {
                while (written.get() < total) {
                    process.print(pattern);
                    written.addAndGet(pattern.length);
                }
                process.end(ProcessExit.exited(0));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        return written;
    }

    @Test
    void shouldBlockTheGuestWhileTheClientIsSlowAndLoseNothing() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        byte[] pattern = new byte[10_007];
        new Random(2).nextBytes(pattern);
        long total = 1000L * pattern.length;
        AtomicLong written = writeInBackground(process(0), pattern, total);
        awaitStandstill(written);
        assertThat(written.get()).isLessThan(2L << 20);
        long seen = 0;
        StreamResponse r = next(stream);
        for (; r.hasStdout(); r = next(stream)) {
            ByteString data = r.getStdout();
            for (int i = 0; i < data.size(); i++) {
                if (data.byteAt(i) != pattern[(int) ((seen + i) % pattern.length)]) {
                    throw new AssertionError("wrong byte at " + (seen + i));
                }
            }
            seen += data.size();
        }
        assertThat(r.hasExited()).isTrue();
        assertThat(seen).isEqualTo(total);
    }

    @Test
    void shouldGoOnIntoTheLogWhenTheClientIsGone() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        AtomicLong written = writeInBackground(process(0), new byte[10_000], 10_000_000);
        awaitStandstill(written);
        stream.cancel("going away", null);
        await("the guest goes on", () -> written.get() >= 10_000_000);
        service.table().require(KEY).awaitFinished();
        var logs = service.client()
                .logs(LogsRequest.newBuilder().setKey(KEY).setFollow(true).build());
        long dropped = 0;
        long kept = 0;
        for (LogsResponse l = logs.read(30, TimeUnit.SECONDS); l != null; l = logs.read(30, TimeUnit.SECONDS)) {
            dropped += l.getDroppedBytes();
            kept += l.getStdout().size();
        }
        assertThat(kept).isBetween(ServiceFixture.LOG_BYTES / 2L, (long) ServiceFixture.LOG_BYTES);
        assertThat(kept + dropped).isEqualTo(10_000_000);
    }

    @Test
    void shouldAttachAgain() throws Exception {
        var first = service.open(KEY, "main");
        assertThat(next(first).hasStarted()).isTrue();
        first.cancel("going away", null);
        await("detached", () -> {
            try {
                // A detached client's output is not waited for: far more than fits any buffer passes.
                process(0).print(new byte[FakeProcess.PIPE_BYTES]);
                return true;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        var second = service.open(KEY, "main");
        assertThat(next(second).getStarted().getPid()).isEqualTo(1);
        process(0).end(ProcessExit.exited(3));
        StreamResponse r = next(second);
        while (r.hasStdout()) {
            r = next(second);
        }
        assertThat(r.getExited().getCode()).isEqualTo(3);
    }

    @Test
    void shouldLetANewClientTakeOver() throws Exception {
        var first = service.open(KEY, "main");
        assertThat(next(first).hasStarted()).isTrue();
        var second = service.open(KEY, "main");
        assertThat(next(second).hasStarted()).isTrue();
        assertThatThrownBy(() -> next(first))
                .isInstanceOfSatisfying(
                        StatusException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.ABORTED));
        process(0).print("for the second");
        assertThat(next(second).getStdout().toStringUtf8()).isEqualTo("for the second");
    }

    @Test
    void shouldPassSignals() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        stream.write(StreamRequest.newBuilder().setSignal(2).build());
        StreamResponse r = next(stream);
        assertThat(r.getExited().getCode()).isEqualTo(130);
        assertThat(r.getExited().getSignal()).isEqualTo(2);
    }

    @Test
    void shouldRunFurtherCommandsAndNotWaitForWhatTheyLeftBehind() throws Exception {
        assertThat(next(service.open(KEY, "main")).hasStarted()).isTrue();
        service.client()
                .createExecution(CreateExecutionRequest.newBuilder()
                        .setKey(KEY)
                        .setExecutionId("e1")
                        .setCommand(CommandSpec.newBuilder().addArgs("sh"))
                        .build());
        BlockingClientCall<StreamRequest, StreamResponse> stream = service.open(KEY, "e1");
        assertThat(next(stream).getStarted().getPid()).isEqualTo(2);
        process(1).print("out");
        process(1).endLeavingOutputOpen(ProcessExit.exited(4));
        assertThat(next(stream).getStdout().toStringUtf8()).isEqualTo("out");
        assertThat(next(stream).getExited().getCode()).isEqualTo(4);
        // What a process left behind writes is taken and thrown away.
        process(1).print(new byte[4 * FakeProcess.PIPE_BYTES]);
    }

    @Test
    void shouldFollowLogsToTheEnd() throws Exception {
        var stream = service.open(KEY, "main");
        assertThat(next(stream).hasStarted()).isTrue();
        var logs = service.client()
                .logs(LogsRequest.newBuilder().setKey(KEY).setFollow(true).build());
        process(0).print("one");
        assertThat(logs.read(30, TimeUnit.SECONDS).getStdout().toStringUtf8()).isEqualTo("one");
        process(0).complain("two");
        assertThat(logs.read(30, TimeUnit.SECONDS).getStderr().toStringUtf8()).isEqualTo("two");
        process(0).end(ProcessExit.exited(0));
        assertThat(logs.read(30, TimeUnit.SECONDS)).isNull();
    }

    @Test
    void shouldRefuseStreamsOfNothing() throws Exception {
        assertThatThrownBy(() -> next(service.open(KEY, "nope"))).hasMessageContaining("NOT_FOUND");
        assertThatThrownBy(() -> next(service.open(key("other", 1), "main"))).hasMessageContaining("NOT_FOUND");
        var stream = service.client().stream();
        stream.write(stdin(new byte[1]));
        assertThatThrownBy(() -> next(stream)).hasMessageContaining("first message must be open");
    }
}
