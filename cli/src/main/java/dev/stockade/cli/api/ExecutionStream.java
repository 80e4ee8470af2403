package dev.stockade.cli.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The streams of one execution over a WebSocket. The first byte of each binary message is its channel.
 *
 * <p>Output is written by the HTTP client's thread as it comes, and the next frame is asked for only when it is
 * written: a slow reader of this process's output so makes the program in the sandbox wait.
 */
public final class ExecutionStream implements WebSocket.Listener {
    private static final byte STDIN = 0;
    private static final byte STDOUT = 1;
    private static final byte STDERR = 2;
    private static final byte STATUS = 3;
    private static final byte CONTROL = 4;
    private static final int NO_CHANNEL = -1;
    private static final long QUIET_MS = 1000;

    /** How an execution ended, as far as the stream told. */
    public sealed interface Outcome {
        record Exited(int exitCode) implements Outcome {}

        record Failed(String error, int exitCode) implements Outcome {}

        /** The connection ended before the program did. */
        record Lost(String why) implements Outcome {}

        /** This process's own standard output or error can't be written any more. */
        record OutputBroken() implements Outcome {}
    }

    private final OutputStream stdout;
    private final OutputStream stderr;
    private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    private final CompletableFuture<Void> started = new CompletableFuture<>();
    private final Object sendLock = new Object();
    private final AtomicBoolean ending = new AtomicBoolean();
    private final AtomicLong received = new AtomicLong();
    private volatile boolean writing; // a frame's output waits for this process's reader
    private volatile @Nullable WebSocket socket;

    // Exclusive to the listener, whose calls come one after another.
    private int channel = NO_CHANNEL;
    private final ByteArrayOutputStream status = new ByteArrayOutputStream();

    public ExecutionStream(OutputStream stdout, OutputStream stderr) {
        this.stdout = stdout;
        this.stderr = stderr;
    }

    void connected(WebSocket opened) {
        socket = opened;
    }

    /** Completes when the program has started, or with the outcome when it never does. */
    public CompletableFuture<Void> started() {
        return started;
    }

    public Outcome await() throws InterruptedException {
        try {
            return outcome.get();
        } catch (ExecutionException e) {
            return new Outcome.Lost(String.valueOf(e.getCause()));
        }
    }

    public boolean isOver() {
        return outcome.isDone();
    }

    /** Sends input and returns when it is on its way; false when the stream is over. */
    public boolean sendInput(byte[] data, int length) {
        ByteBuffer frame = ByteBuffer.allocate(length + 1).put(STDIN).put(data, 0, length);
        return send(frame.flip());
    }

    public boolean closeInput() {
        return send(ByteBuffer.wrap(new byte[] {STDIN}));
    }

    public boolean sendSignal(int signal) {
        return sendControl(ControlPlane.JSON.createObjectNode().put("signal", signal));
    }

    public boolean sendResize(int rows, int columns) {
        ObjectNode message = ControlPlane.JSON.createObjectNode();
        message.putObject("resize").put("rows", rows).put("columns", columns);
        return sendControl(message);
    }

    private boolean sendControl(ObjectNode message) {
        byte[] json = message.toString().getBytes(StandardCharsets.UTF_8);
        return send(ByteBuffer.allocate(json.length + 1).put(CONTROL).put(json).flip());
    }

    private boolean send(ByteBuffer frame) {
        WebSocket open = socket;
        if (open == null || outcome.isDone()) {
            return false;
        }
        // One message at a time, as java.net.http wants it; the wait is the backpressure of standard input.
        synchronized (sendLock) {
            try {
                open.sendBinary(frame, true).join();
                return true;
            } catch (CompletionException e) {
                endSoon(String.valueOf(e.getCause() == null ? e : e.getCause().getMessage()));
                return false;
            }
        }
    }

    /**
     * After a failed send java.net.http may never call its listener again, but what it has read already still comes:
     * the stream is lost once nothing has come for a while.
     */
    private void endSoon(String why) {
        if (!ending.compareAndSet(false, true)) {
            return;
        }
        Thread.ofPlatform().daemon().name("stream-end").start(() -> {
            try {
                long seen;
                do {
                    seen = received.get();
                    TimeUnit.MILLISECONDS.sleep(QUIET_MS);
                } while (writing || seen != received.get());
                end(new Outcome.Lost(why));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    /** Ends the connection, whatever becomes of the program. */
    public void abandon() {
        WebSocket open = socket;
        if (open != null) {
            open.abort();
        }
    }

    @Override
    public void onOpen(WebSocket opened) {
        socket = opened;
        opened.request(1);
    }

    @Override
    public @Nullable CompletionStage<?> onBinary(WebSocket opened, ByteBuffer data, boolean last) {
        received.incrementAndGet();
        writing = true;
        if (channel == NO_CHANNEL && data.hasRemaining()) {
            channel = data.get();
        }
        try {
            switch (channel) {
                case STDOUT -> write(stdout, data);
                case STDERR -> write(stderr, data);
                case STATUS -> {
                    byte[] part = new byte[data.remaining()];
                    data.get(part);
                    status.writeBytes(part);
                    if (last) {
                        onStatus(status.toByteArray());
                        status.reset();
                    }
                }
                default -> data.position(data.limit()); // a channel of a later version
            }
        } catch (IOException e) {
            outcome.complete(new Outcome.OutputBroken());
            return null;
        } finally {
            writing = false;
        }
        if (last) {
            channel = NO_CHANNEL;
        }
        opened.request(1);
        return null;
    }

    private static void write(OutputStream out, ByteBuffer data) throws IOException {
        byte[] bytes = new byte[data.remaining()];
        data.get(bytes);
        out.write(bytes);
        out.flush();
    }

    private void onStatus(byte[] json) throws IOException {
        JsonNode message = ControlPlane.JSON.readTree(json);
        if (message.path("started").asBoolean()) {
            started.complete(null);
        } else if (message.has("error")) {
            end(new Outcome.Failed(
                    message.path("error").asText(), message.path("exitCode").asInt(125)));
        } else if (message.has("exitCode")) {
            end(new Outcome.Exited(message.path("exitCode").asInt()));
        }
    }

    private void end(Outcome how) {
        outcome.complete(how);
        started.complete(null);
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket opened, int statusCode, String reason) {
        end(new Outcome.Lost(reason.isEmpty() ? "closed with " + statusCode : reason));
        return null;
    }

    @Override
    public void onError(WebSocket opened, Throwable error) {
        end(new Outcome.Lost(String.valueOf(error.getMessage())));
    }
}
