package dev.stockade.control.fleet;

import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.StreamError;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.proto.sentry.v1.StreamStarted;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What runs behind a stream of the fake node: {@code cat} copies stdin to stdout and exits with 0 at its end; {@code
 * exit N} says "bye" on stderr; {@code flood BYTES} writes that much as fast as it is taken; {@code sink} takes no
 * input until it is told to; {@code missing} can't be run; {@code hang} waits for a signal.
 */
public final class FakeProgram implements StreamObserver<StreamRequest> {
    private static final int CHUNK_BYTES = 64 << 10;

    private final FakeSentry sentry;
    private final ServerCallStreamObserver<StreamResponse> answer;
    private final AtomicBoolean over = new AtomicBoolean();
    private String sandboxId = "";
    private String executionId = "";
    private List<String> args = List.of();
    public final AtomicLong written = new AtomicLong();
    public final AtomicLong received = new AtomicLong();
    public final CountDownLatch cancelled = new CountDownLatch(1);
    public volatile int rows;

    FakeProgram(FakeSentry sentry, ServerCallStreamObserver<StreamResponse> answer) {
        this.sentry = sentry;
        this.answer = answer;
        answer.setOnCancelHandler(() -> {
            over.set(true);
            cancelled.countDown();
        });
        answer.setOnReadyHandler(this::flood);
        answer.disableAutoRequest();
        answer.request(1);
    }

    @Override
    public void onNext(StreamRequest request) {
        switch (request.getMessageCase()) {
            case OPEN -> open(request);
            case STDIN -> {
                received.addAndGet(request.getStdin().size());
                if (args.getFirst().equals("cat")) {
                    send(StreamResponse.newBuilder()
                            .setStdout(request.getStdin())
                            .build());
                }
            }
            case STDIN_CLOSED -> {
                if (args.getFirst().equals("cat")) {
                    exit(0);
                }
            }
            case SIGNAL -> exit(128 + request.getSignal());
            case RESIZE -> rows = request.getResize().getRows();
            case MESSAGE_NOT_SET -> throw new IllegalStateException("an empty message");
        }
        if (!args.getFirst().equals("sink")) {
            answer.request(1);
        }
    }

    /** The program reads everything from now on. */
    public void read(int messages) {
        answer.request(messages);
    }

    private void open(StreamRequest request) {
        sandboxId = request.getOpen().getKey().getSandboxId();
        executionId = request.getOpen().getExecutionId();
        args = sentry.args(sandboxId, executionId);
        if (args.getFirst().equals("missing")) {
            over.set(true);
            answer.onNext(StreamResponse.newBuilder()
                    .setError(StreamError.newBuilder()
                            .setMessage("missing: not found")
                            .setExitCode(127)
                            .setErrno(2))
                    .build());
            answer.onCompleted();
            return;
        }
        sentry.started(sandboxId, executionId);
        send(StreamResponse.newBuilder()
                .setStarted(StreamStarted.newBuilder().setPid(42))
                .build());
        if (args.getFirst().equals("exit")) {
            send(StreamResponse.newBuilder()
                    .setStderr(ByteString.copyFromUtf8("bye"))
                    .build());
            exit(Integer.parseInt(args.get(1)));
        } else {
            flood();
        }
    }

    private void flood() {
        if (args.isEmpty() || !args.getFirst().equals("flood")) {
            return;
        }
        long total = Long.parseLong(args.get(1));
        while (answer.isReady() && written.get() < total && !over.get()) {
            byte[] chunk = new byte[(int) Math.min(CHUNK_BYTES, total - written.get())];
            for (int i = 0; i < chunk.length; i++) {
                chunk[i] = (byte) ((written.get() + i) % 251);
            }
            send(StreamResponse.newBuilder()
                    .setStdout(ByteString.copyFrom(chunk))
                    .build());
            written.addAndGet(chunk.length);
        }
        if (written.get() >= total) {
            exit(0);
        }
    }

    private void send(StreamResponse response) {
        if (!over.get()) {
            answer.onNext(response);
        }
    }

    private void exit(int code) {
        if (over.compareAndSet(false, true)) {
            sentry.exited(sandboxId, executionId, code);
            answer.onNext(StreamResponse.newBuilder()
                    .setExited(ExitStatus.newBuilder().setCode(code).setSignal(code > 128 ? code - 128 : 0))
                    .build());
            answer.onCompleted();
        }
    }

    @Override
    public void onError(Throwable failure) {
        cancelled.countDown();
    }

    @Override
    public void onCompleted() {
        // The control plane never half-closes.
    }
}
