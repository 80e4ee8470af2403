package dev.stockade.e2e;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A running `stockade` command, its two output streams collected apart. */
final class Launched implements AutoCloseable {
    /** How a command ended, and what it wrote. */
    record Result(int status, String out, String err) {}

    private final Process process;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Thread outReader;
    private final Thread errReader;

    Launched(ProcessBuilder builder) throws IOException {
        process = builder.start();
        outReader = copy(process.getInputStream(), out);
        errReader = copy(process.getErrorStream(), err);
    }

    private static Thread copy(InputStream from, ByteArrayOutputStream to) {
        return Thread.ofPlatform().daemon().start(() -> {
            byte[] buffer = new byte[8192];
            try {
                int count;
                while ((count = from.read(buffer)) > 0) {
                    to.write(buffer, 0, count);
                }
            } catch (IOException e) {
                return; // it was ended
            }
        });
    }

    Launched input(String text) throws IOException {
        try {
            process.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
        } catch (IOException e) {
            return this; // it ended without reading: its status tells more
        }
        return this;
    }

    String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .start()
                .waitFor();
    }

    Result await(Duration time) throws InterruptedException {
        if (!process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no end within " + time + "; out: " + out() + "; err: " + err());
        }
        outReader.join();
        errReader.join();
        return new Result(process.exitValue(), out(), err());
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
