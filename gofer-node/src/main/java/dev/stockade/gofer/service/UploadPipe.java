package dev.stockade.gofer.service;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Turns the messages of an upload into a stream that another thread reads. It holds no more messages than were asked
 * for: the next one is asked for when one is taken out.
 */
final class UploadPipe extends InputStream {
    /** What the sender sends, ends with or fails with. */
    private sealed interface Part {
        record Data(ByteString bytes) implements Part {}

        record End() implements Part {}

        record Failure(String message) implements Part {}
    }

    private final BlockingQueue<Part> parts = new LinkedBlockingQueue<>();
    private final Runnable requestNext;
    private final Duration stallTimeout;
    private InputStream current = InputStream.nullInputStream(); // exclusive to the reading thread
    private boolean ended; // exclusive to the reading thread

    UploadPipe(Runnable requestNext, Duration stallTimeout) {
        this.requestNext = requestNext;
        this.stallTimeout = stallTimeout;
    }

    void data(ByteString bytes) {
        parts.add(new Part.Data(bytes));
    }

    void end() {
        parts.add(new Part.End());
    }

    void fail(String message) {
        parts.add(new Part.Failure(message));
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] b, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (!ended) {
            int n = current.read(b, offset, length);
            if (n > 0) {
                return n;
            }
            switch (take()) {
                case Part.Data data -> {
                    current = data.bytes().newInput();
                    requestNext.run();
                }
                case Part.End end -> ended = true;
                case Part.Failure failure -> throw new IOException(failure.message());
            }
        }
        return -1;
    }

    private Part take() throws IOException {
        try {
            Part part = parts.poll(stallTimeout.toNanos(), TimeUnit.NANOSECONDS);
            if (part == null) {
                throw new IOException("the sender sent nothing for " + stallTimeout.toSeconds() + " s");
            }
            return part;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("the import was interrupted", e);
        }
    }
}
