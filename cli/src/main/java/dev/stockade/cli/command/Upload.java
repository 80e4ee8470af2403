package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import dev.stockade.cli.archive.TarSource;
import dev.stockade.cli.terminal.Terminal;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;

/** A tar stream on its way to the control plane, with its progress where a user sees it. */
final class Upload implements AutoCloseable {
    private static final long TELL_EVERY_NS = 200_000_000;

    private final InputStream in;
    private final boolean visible = Terminal.isTerminal(2);
    private long sentBytes; // exclusive to the thread that reads
    private long toldNs;

    Upload(TarSource source) {
        try {
            in = source.open();
        } catch (IOException e) {
            throw new CliException("cannot read the image's files: " + e.getMessage(), e);
        }
    }

    HttpRequest.BodyPublisher body() {
        return HttpRequest.BodyPublishers.ofInputStream(() -> new FilterInputStream(in) {
            @Override
            public int read(byte[] into, int offset, int length) {
                try {
                    int count = super.read(into, offset, length);
                    tell(Math.max(0, count));
                    return count;
                } catch (IOException e) {
                    // java.net.http would take an IOException for the end of the stream, and the image for whole.
                    throw new UncheckedIOException(e);
                }
            }
        });
    }

    private void tell(int count) {
        sentBytes += count;
        long now = System.nanoTime();
        if (visible && now - toldNs > TELL_EVERY_NS) {
            toldNs = now;
            System.err.print("\rstockade: sent " + Quantities.bytes(sentBytes) + "\033[K");
        }
    }

    void finished() {
        if (visible) {
            System.err.println("\rstockade: sent " + Quantities.bytes(sentBytes) + "\033[K");
        }
    }

    @Override
    public void close() {
        try {
            in.close();
        } catch (IOException e) {
            return; // it was only read
        }
    }
}
