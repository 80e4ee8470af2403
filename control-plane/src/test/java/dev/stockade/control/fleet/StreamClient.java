package dev.stockade.control.fleet;

import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A client of an execution's stream, as a browser or the command line is one. */
public final class StreamClient implements WebSocket.Listener, AutoCloseable {
    private final HttpClient http = HttpClient.newHttpClient();
    private final WebSocket socket;
    private final boolean reads;
    private final ByteArrayOutputStream message = new ByteArrayOutputStream();
    private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    public final AtomicLong stdoutBytes = new AtomicLong();
    public final List<JsonObject> statuses = new CopyOnWriteArrayList<>();
    private final CompletableFuture<Integer> closed = new CompletableFuture<>();

    /**
     * @param reads false: takes nothing from its socket until told to
     */
    public StreamClient(String httpBase, String tenant, String sandbox, String execution, boolean reads) {
        this.reads = reads;
        socket = http.newWebSocketBuilder()
                .header("Stockade-Tenant", tenant)
                .buildAsync(
                        URI.create(httpBase.replaceFirst("^http", "ws") + "/v1/sandboxes/" + sandbox + "/executions/"
                                + execution + "/stream"),
                        this)
                .join();
    }

    @Override
    public void onOpen(WebSocket opened) {
        if (reads) {
            opened.request(1);
        }
    }

    /** Begins to take what came. */
    public void read() {
        socket.request(Long.MAX_VALUE);
    }

    @Override
    public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
        byte[] part = new byte[data.remaining()];
        data.get(part);
        message.writeBytes(part);
        if (last) {
            byte[] frame = message.toByteArray();
            message.reset();
            switch (frame[0]) {
                case 1 -> {
                    stdout.write(frame, 1, frame.length - 1);
                    stdoutBytes.addAndGet(frame.length - 1);
                }
                case 2 -> stderr.write(frame, 1, frame.length - 1);
                case 3 -> statuses.add(new JsonObject(new String(frame, 1, frame.length - 1, StandardCharsets.UTF_8)));
                default -> closed.completeExceptionally(new AssertionError("channel " + frame[0]));
            }
        }
        if (reads) {
            from.request(1);
        }
        return null;
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
        closed.complete(code);
        return null;
    }

    @Override
    public void onError(WebSocket from, Throwable failure) {
        closed.completeExceptionally(failure);
    }

    public void send(int channel, byte[] payload) {
        socket.sendBinary(
                        ByteBuffer.allocate(payload.length + 1)
                                .put((byte) channel)
                                .put(payload)
                                .flip(),
                        true)
                .join();
    }

    public CompletableFuture<WebSocket> sendAsync(int channel, byte[] payload) {
        return socket.sendBinary(
                ByteBuffer.allocate(payload.length + 1)
                        .put((byte) channel)
                        .put(payload)
                        .flip(),
                true);
    }

    public void sendText(String text) {
        socket.sendText(text, true).join();
    }

    /** The last status, once the server has closed the connection. */
    public JsonObject last() {
        closed.orTimeout(30, TimeUnit.SECONDS).join();
        return statuses.getLast();
    }

    public byte[] stdout() {
        return stdout.toByteArray();
    }

    public String stderr() {
        return stderr.toString(StandardCharsets.UTF_8);
    }

    /** Goes away without a word. */
    public void abort() {
        socket.abort();
    }

    @Override
    public void close() {
        socket.abort();
        http.shutdownNow();
    }
}
