package dev.stockade.control.stream;

import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.StdinClosed;
import dev.stockade.proto.sentry.v1.StreamRequest;
import dev.stockade.proto.sentry.v1.WindowSize;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/** The frames of a stream's WebSocket: the first byte is the channel, the rest its payload. */
final class Frames {
    static final byte STDIN = 0;
    static final byte STDOUT = 1;
    static final byte STDERR = 2;
    static final byte STATUS = 3;
    static final byte CONTROL = 4;

    private static final int MAX_PAYLOAD_BYTES = 32 << 10;
    private static final int MAX_SIGNAL = 64;
    private static final int MAX_WINDOW = 65_535;

    private Frames() {}

    /** A client sent something that is no frame of this protocol. */
    static final class MalformedFrameException extends Exception {
        private static final long serialVersionUID = 1L;

        MalformedFrameException(String message) {
            super(message);
        }
    }

    static List<Buffer> output(byte channel, ByteString data) {
        List<Buffer> frames = new ArrayList<>();
        for (int from = 0; from < data.size(); from += MAX_PAYLOAD_BYTES) {
            int length = Math.min(MAX_PAYLOAD_BYTES, data.size() - from);
            frames.add(Buffer.buffer(1 + length)
                    .appendByte(channel)
                    .appendBytes(data.substring(from, from + length).toByteArray()));
        }
        return frames;
    }

    static Buffer status(JsonObject status) {
        return Buffer.buffer().appendByte(STATUS).appendBuffer(status.toBuffer());
    }

    static StreamRequest input(Buffer frame) throws MalformedFrameException {
        if (frame.length() == 0) {
            throw new MalformedFrameException("an empty frame has no channel");
        }
        return switch (frame.getByte(0)) {
            case STDIN ->
                frame.length() == 1
                        ? StreamRequest.newBuilder()
                                .setStdinClosed(StdinClosed.getDefaultInstance())
                                .build()
                        : StreamRequest.newBuilder()
                                .setStdin(ByteString.copyFrom(frame.getBytes(1, frame.length())))
                                .build();
            case CONTROL -> control(frame);
            default ->
                throw new MalformedFrameException("channel " + frame.getByte(0)
                        + " is none that a client sends on: use 0 (stdin) or 4 (control)");
        };
    }

    private static StreamRequest control(Buffer frame) throws MalformedFrameException {
        try {
            JsonObject json = new JsonObject(frame.getBuffer(1, frame.length()));
            Integer signal = json.getInteger("signal");
            JsonObject resize = json.getJsonObject("resize");
            if (signal != null && signal >= 1 && signal <= MAX_SIGNAL) {
                return StreamRequest.newBuilder().setSignal(signal).build();
            }
            if (resize != null) {
                return StreamRequest.newBuilder()
                        .setResize(WindowSize.newBuilder()
                                .setRows(size(resize.getInteger("rows", 0)))
                                .setColumns(size(resize.getInteger("columns", 0))))
                        .build();
            }
        } catch (DecodeException | ClassCastException e) {
            // Said below.
        }
        throw new MalformedFrameException(
                "a control frame is {\"signal\":1..64} or {\"resize\":{\"rows\":r,\"columns\":c}}");
    }

    private static int size(int value) {
        return Math.clamp(value, 0, MAX_WINDOW);
    }
}
