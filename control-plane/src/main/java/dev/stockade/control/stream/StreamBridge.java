package dev.stockade.control.stream;

import com.google.protobuf.ByteString;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Exit;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.nodes.Wire;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StreamOpen;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.StreamResponse;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One client's WebSocket on one execution. Exclusive to the WebSocket's event loop: the gRPC callbacks run there too.
 *
 * <p>Backpressure: a message is asked of the node only when an earlier one was written to the client's socket, so a
 * slow client fills the windows of both connections and then makes the program's write block. The other way, the
 * WebSocket is not read while the call to the node is not ready. Nothing is dropped; at most a few messages are held
 * here for each direction.
 */
final class StreamBridge implements ClientResponseObserver<StreamRequest, StreamResponse> {
    private static final Logger LOG = Logger.getLogger(StreamBridge.class);

    /** Messages that may be on their way to the client at a time. */
    private static final int WINDOW_MESSAGES = 4;

    private static final int PLATFORM_ERROR = 125;
    private static final short NORMAL = 1000;

    private final ServerWebSocket socket;
    private final Context loop;
    private final Sandbox sandbox;
    private final String executionId;
    private final ExecutionJournal journal;
    private @Nullable ClientCallStreamObserver<StreamRequest> call;
    private boolean over;
    private long pingTimer;

    StreamBridge(ServerWebSocket socket, Context loop, Sandbox sandbox, String executionId, ExecutionJournal journal) {
        this.socket = socket;
        this.loop = loop;
        this.sandbox = sandbox;
        this.executionId = executionId;
        this.journal = journal;
    }

    void open(SentryNodeGrpc.SentryNodeStub node, Duration pingInterval) {
        if (socket.isClosed()) {
            over = true;
            return;
        }
        // A paused socket does not notice that its other end is gone.
        pingTimer = loop.owner().setPeriodic(pingInterval.toMillis(), id -> socket.writePing(Buffer.buffer("alive")));
        socket.binaryMessageHandler(this::fromClient);
        socket.textMessageHandler(text -> protocolError("send binary frames: the first byte is the channel"));
        socket.closeHandler(closed -> {
            loop.owner().cancelTimer(pingTimer);
            clientLeft();
        });
        socket.exceptionHandler(e -> clientLeft());
        node.withExecutor(task -> loop.runOnContext(nothing -> task.run())).stream(this);
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<StreamRequest> requests) {
        call = requests;
        requests.disableAutoRequestWithInitial(WINDOW_MESSAGES);
        requests.setOnReadyHandler(this::resumeIfReady);
    }

    /** After the call was started. */
    void begin() {
        ClientCallStreamObserver<StreamRequest> node = call;
        if (node != null && !over) {
            node.onNext(StreamRequest.newBuilder()
                    .setOpen(StreamOpen.newBuilder().setKey(Wire.key(sandbox)).setExecutionId(executionId))
                    .build());
            resumeIfReady();
        }
    }

    private void resumeIfReady() {
        ClientCallStreamObserver<StreamRequest> node = call;
        if (!over && node != null && node.isReady()) {
            socket.resume();
        }
    }

    private void fromClient(Buffer frame) {
        ClientCallStreamObserver<StreamRequest> node = call;
        if (over || node == null) {
            return;
        }
        try {
            node.onNext(Frames.input(frame));
        } catch (Frames.MalformedFrameException e) {
            protocolError(String.valueOf(e.getMessage()));
            return;
        }
        if (!node.isReady()) {
            socket.pause();
        }
    }

    @Override
    public void onNext(StreamResponse response) {
        if (over) {
            return;
        }
        switch (response.getMessageCase()) {
            case STARTED -> {
                journal.started(sandbox, executionId);
                askForMoreAfter(status(new JsonObject()
                        .put("started", true)
                        .put("pid", response.getStarted().getPid())));
            }
            case STDOUT -> askForMoreAfter(output(Frames.STDOUT, response.getStdout()));
            case STDERR -> askForMoreAfter(output(Frames.STDERR, response.getStderr()));
            case EXITED -> {
                Exit exit = Wire.exit(response.getExited());
                journal.exited(sandbox, executionId, exit, null);
                finish(exited(exit));
            }
            case ERROR -> {
                journal.exited(
                        sandbox,
                        executionId,
                        new Exit(response.getError().getExitCode(), 0),
                        response.getError().getMessage());
                finish(error(
                                response.getError().getMessage(),
                                response.getError().getExitCode())
                        .put("errno", response.getError().getErrno()));
            }
            case MESSAGE_NOT_SET -> askForMoreAfter(Future.succeededFuture());
        }
    }

    private Future<Void> output(byte channel, ByteString data) {
        Future<Void> written = Future.succeededFuture();
        for (Buffer frame : Frames.output(channel, data)) {
            written = socket.writeBinaryMessage(frame);
        }
        return written;
    }

    private Future<Void> status(JsonObject status) {
        return socket.writeBinaryMessage(Frames.status(status));
    }

    private void askForMoreAfter(Future<Void> written) {
        written.onComplete(done -> {
            ClientCallStreamObserver<StreamRequest> node = call;
            if (done.failed()) {
                clientLeft();
            } else if (!over && node != null) {
                node.request(1);
            }
        });
    }

    @Override
    public void onError(Throwable failure) {
        if (over) {
            return;
        }
        Status status = Status.fromThrowable(failure);
        LOG.debugf("the stream of %s/%s broke off: %s", sandbox.id(), executionId, status);
        Exit known = sandbox.exit();
        if (status.getCode() == Status.Code.NOT_FOUND && executionId.equals(Execution.MAIN) && known != null) {
            finish(exited(known));
            return;
        }
        String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
        String node =
                sandbox.assignment() == null ? "" : " " + sandbox.assignment().nodeId();
        boolean lost = status.getCode() == Status.Code.UNAVAILABLE || status.getCode() == Status.Code.CANCELLED;
        finish(error(lost ? "node lost:" + node + ": " + text : text, PLATFORM_ERROR));
    }

    @Override
    public void onCompleted() {
        if (!over) {
            finish(error("the node ended the stream without saying how the command ended", PLATFORM_ERROR));
        }
    }

    private static JsonObject exited(Exit exit) {
        return new JsonObject().put("exitCode", exit.code()).put("signal", exit.signal());
    }

    static JsonObject error(String message, int exitCode) {
        return new JsonObject().put("error", message).put("exitCode", exitCode);
    }

    /** The last frame: says how it ended. */
    private void finish(JsonObject last) {
        over = true;
        cancelCall("over");
        finish(socket, last);
    }

    static void finish(ServerWebSocket socket, JsonObject last) {
        // The close frame of the other end is to be read.
        socket.resume();
        Future<Void> closed = socket.writeBinaryMessage(Frames.status(last)).eventually(() -> socket.close(NORMAL));
        closed.onFailure(e -> LOG.debugf("the client was gone before the last frame: %s", e.getMessage()));
    }

    private void protocolError(String message) {
        if (!over) {
            finish(error(message, PLATFORM_ERROR));
        }
    }

    /** The command of a sandbox goes on without its client. */
    private void clientLeft() {
        if (!over) {
            over = true;
            cancelCall("the client went away");
        }
    }

    private void cancelCall(String why) {
        ClientCallStreamObserver<StreamRequest> node = call;
        if (node != null) {
            node.cancel(why, null);
        }
    }
}
