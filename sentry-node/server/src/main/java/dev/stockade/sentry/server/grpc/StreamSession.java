package dev.stockade.sentry.server.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.StreamError;
import dev.stockade.proto.sentry.v1.StreamOpen;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import dev.stockade.proto.sentry.v1.StreamStarted;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.server.sandbox.Attachment;
import dev.stockade.sentry.server.sandbox.Execution;
import dev.stockade.sentry.server.sandbox.SandboxTable;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.context.Context;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One Stream call: a client at an execution's standard streams. Messages are requested one by one: the first is
 * {@code open}; the next only when the command runs, and while the queue of standard input has room.
 */
final class StreamSession implements StreamObserver<StreamRequest>, Attachment {
    private final SandboxTable table;
    private final ServerCallStreamObserver<StreamResponse> response;
    private final Context trace = Context.current();

    /** A leaf of the lock order. */
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private @Nullable Execution execution;

    /** The last response was sent or the client is gone. */
    @GuardedBy("lock")
    private boolean over;

    StreamSession(SandboxTable table, ServerCallStreamObserver<StreamResponse> response) {
        this.table = table;
        this.response = response;
        response.disableAutoRequest();
        response.setOnReadyHandler(() -> {
            Execution e = execution();
            if (e != null) {
                e.attachmentReady();
            }
        });
        response.setOnCancelHandler(this::gone);
        response.request(1);
    }

    private @Nullable Execution execution() {
        lock.lock();
        try {
            return execution;
        } finally {
            lock.unlock();
        }
    }

    // ---- from the client (event loop)

    @Override
    public void onNext(StreamRequest message) {
        Execution e = execution();
        if (e == null) {
            if (message.getMessageCase() == StreamRequest.MessageCase.OPEN) {
                Thread.ofVirtual().name("stream-open").start(trace.wrap(() -> open(message.getOpen())));
            } else {
                end(Status.INVALID_ARGUMENT.withDescription("the first message must be open"));
            }
            return;
        }
        boolean more = true;
        switch (message.getMessageCase()) {
            case STDIN -> more = e.stdin(this, message.getStdin());
            case STDIN_CLOSED -> e.closeStdin(this);
            case SIGNAL -> {
                GuestProcess p = e.process();
                if (p != null) {
                    p.signal(message.getSignal());
                }
            }
            case RESIZE -> {
                GuestProcess p = e.process();
                if (p != null) {
                    p.resize(message.getResize().getRows(), message.getResize().getColumns());
                }
            }
            case OPEN, MESSAGE_NOT_SET -> {
                e.detach(this);
                end(Status.INVALID_ARGUMENT.withDescription(
                        message.hasOpen() ? "the stream is open already" : "a message without content"));
                return;
            }
        }
        if (more) {
            response.request(1);
        }
    }

    private void open(StreamOpen open) {
        try {
            Execution e = table.require(open.getKey()).execution(open.getExecutionId());
            lock.lock();
            try {
                if (over) {
                    return;
                }
                execution = e;
            } finally {
                lock.unlock();
            }
            e.attach(this);
            if (response.isCancelled()) {
                // The cancellation may have come before there was something to detach from.
                e.detach(this);
                return;
            }
            e.start();
        } catch (RuntimeException e) {
            end(Status.fromThrowable(Answers.status(e)));
        }
    }

    /** The client sends no more: standard input ends here too. */
    @Override
    public void onCompleted() {
        Execution e = execution();
        if (e == null) {
            end(Status.INVALID_ARGUMENT.withDescription("the first message must be open"));
        } else {
            e.closeStdin(this);
        }
    }

    @Override
    public void onError(Throwable t) {
        gone();
    }

    private void gone() {
        Execution e;
        lock.lock();
        try {
            over = true;
            e = execution;
        } finally {
            lock.unlock();
        }
        if (e != null) {
            e.detach(this);
        }
    }

    private void end(Status status) {
        if (last()) {
            response.onError(status.asRuntimeException());
        }
    }

    /** True for the one who sends the last response. */
    private boolean last() {
        lock.lock();
        try {
            boolean first = !over;
            over = true;
            return first && !response.isCancelled();
        } finally {
            lock.unlock();
        }
    }

    // ---- from the execution, under its lock

    @Override
    public boolean isReady() {
        return response.isReady();
    }

    @Override
    public void started(int pid) {
        send(StreamResponse.newBuilder()
                .setStarted(StreamStarted.newBuilder().setPid(pid))
                .build());
        response.request(1);
    }

    @Override
    public void output(boolean stderr, ByteString data) {
        StreamResponse.Builder b = StreamResponse.newBuilder();
        send((stderr ? b.setStderr(data) : b.setStdout(data)).build());
    }

    @Override
    public void stdinDrained() {
        response.request(1);
    }

    @Override
    public void exited(ExitStatus status) {
        finish(StreamResponse.newBuilder().setExited(status).build());
    }

    @Override
    public void failed(StreamError error) {
        finish(StreamResponse.newBuilder().setError(error).build());
    }

    @Override
    public void disconnected(String reason) {
        end(Status.ABORTED.withDescription(reason));
    }

    private void send(StreamResponse message) {
        if (!response.isCancelled()) {
            response.onNext(message);
        }
    }

    private void finish(StreamResponse message) {
        if (last()) {
            response.onNext(message);
            response.onCompleted();
        }
    }
}
