package dev.stockade.sentry.oneshot;

import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.InputPipe;
import dev.stockade.sentry.boot.OutputPipe;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Connects this process's standard streams with a guest process's: a thread each, with a fixed buffer, so that a slow
 * side makes the other wait.
 */
final class HostStreams {
    private static final int BUFFER_BYTES = 64 * 1024;

    private final @Nullable Thread stdout;
    private final @Nullable Thread stderr;

    private HostStreams(@Nullable Thread stdout, @Nullable Thread stderr) {
        this.stdout = stdout;
        this.stderr = stderr;
    }

    /** @param onBrokenPipe runs when nobody reads this process's standard output or error any more */
    static HostStreams connect(GuestProcess process, Runnable onBrokenPipe) {
        InputPipe in = process.stdin();
        if (in != null) {
            // Never ends by itself while the host's standard input is silent: a daemon.
            Thread.ofPlatform().daemon().name("stdin").start(() -> feed(new FileInputStream(FileDescriptor.in), in));
        }
        Thread out = drainThread("stdout", process.stdout(), FileDescriptor.out, onBrokenPipe);
        OutputPipe errors = process.stderr();
        return new HostStreams(
                out, errors == null ? null : drainThread("stderr", errors, FileDescriptor.err, onBrokenPipe));
    }

    private static Thread drainThread(String name, OutputPipe from, FileDescriptor to, Runnable onBrokenPipe) {
        return Thread.ofPlatform().daemon().name(name).start(() -> {
            if (!drain(from, new FileOutputStream(to))) {
                onBrokenPipe.run();
            }
        });
    }

    static void feed(InputStream from, InputPipe to) {
        byte[] buffer = new byte[BUFFER_BYTES];
        try (to) {
            for (int n = from.read(buffer); n >= 0; n = from.read(buffer)) {
                int done = 0;
                while (done < n) {
                    int taken = to.tryWrite(buffer, done, n - done);
                    if (taken < 0) {
                        return;
                    }
                    done += taken;
                    if (taken == 0) {
                        to.awaitWritable();
                    }
                }
            }
        } catch (IOException e) {
            // as the end of the input
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns at the end of the output; false if it could not be written. */
    static boolean drain(OutputPipe from, OutputStream to) {
        byte[] buffer = new byte[BUFFER_BYTES];
        try (from) {
            while (true) {
                int n = from.tryRead(buffer);
                if (n < 0) {
                    return true;
                }
                if (n == 0) {
                    from.awaitReadable();
                } else {
                    to.write(buffer, 0, n);
                }
            }
        } catch (IOException e) {
            // Nobody reads any more (a closed pipe): closing our end gives the guest SIGPIPE.
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /** Waits until all output is written. */
    void finish() throws InterruptedException {
        if (stdout != null) {
            stdout.join();
        }
        if (stderr != null) {
            stderr.join();
        }
    }
}
