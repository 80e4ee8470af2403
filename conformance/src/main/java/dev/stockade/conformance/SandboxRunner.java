package dev.stockade.conformance;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.boot.BootException;
import dev.stockade.sentry.boot.Command;
import dev.stockade.sentry.boot.GuestConfig;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.GuestSystem;
import dev.stockade.sentry.boot.InputPipe;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.OutputPipe;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.kvm.hostfs.LocalTreeClient;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.PlatformException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Runs cases, each in a sandbox of its own on one platform. */
final class SandboxRunner {
    private static final int MAX_TASKS = 512;

    private final Platform platform;
    private final Path tree;
    private final long timeoutSeconds;

    /** Calls that no program of the suite should miss. */
    private final Set<String> unimplemented = ConcurrentHashMap.newKeySet();

    SandboxRunner(Platform platform, Path tree, long timeoutSeconds) {
        this.platform = platform;
        this.tree = tree;
        this.timeoutSeconds = timeoutSeconds;
    }

    Set<String> unimplemented() {
        return new TreeSet<>(unimplemented);
    }

    /** Both output streams in one, in the order of arrival. */
    Outcome run(ConformanceCase c) throws IOException, ErrnoException, InterruptedException {
        int tasks = c.maxTasks() == 0 ? MAX_TASKS : c.maxTasks();
        GuestConfig config = new GuestConfig(
                c.name().replace('/', '-'),
                platform,
                LocalTreeClient.open(tree),
                "conformance",
                c.memoryBytes(),
                tasks,
                2,
                false,
                new TaskBudget(tasks),
                (type, attributes) -> {
                    if (type.equals(EventSink.UNIMPLEMENTED_SYSCALL) && !c.hostile()) {
                        unimplemented.add(c.name() + ": " + attributes);
                    }
                });
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        try (GuestSystem guest = GuestSystem.boot(config)) {
            // One pipe for both streams, as natively.
            List<String> args = new ArrayList<>(List.of("/bin/sh", "-c", "exec \"$@\" 2>&1", "sh"));
            args.addAll(c.args());
            GuestProcess process = guest.startMain(
                    new Command(args, List.of("HOME=/root", "PATH=/bin"), "/work", "", false, true, 0, 0), true);
            InputPipe stdin = process.stdin();
            if (stdin != null) {
                stdin.close();
            }
            OutputPipe stderr = process.stderr();
            Thread reader = Thread.ofPlatform().name("output").start(() -> drain(process.stdout(), output));
            Thread errors = Thread.ofPlatform().name("errors").start(() -> {
                if (stderr != null) {
                    drain(stderr, output);
                }
            });
            int status;
            String note = "";
            try {
                status = process.exit().get(timeoutSeconds, TimeUnit.SECONDS).code();
            } catch (TimeoutException e) {
                note = "\n(not over after " + timeoutSeconds + " s)";
                guest.kill();
                status = -1;
            } catch (ExecutionException e) {
                note = "\n(" + e.getCause() + ")";
                status = -2;
            }
            String panic = guest.panic().getNow("");
            if (!panic.isEmpty()) {
                note += "\n(kernel panic: " + panic + ")";
                status = -3;
            }
            guest.kill();
            reader.join();
            errors.join();
            return new Outcome(status, output.toString(StandardCharsets.ISO_8859_1) + note);
        } catch (PlatformException | BootException | LaunchRefusal e) {
            return new Outcome(-4, e.toString());
        }
    }

    private static void drain(OutputPipe pipe, ByteArrayOutputStream to) {
        byte[] buffer = new byte[65536];
        try {
            for (; ; ) {
                int n = pipe.tryRead(buffer);
                if (n < 0) {
                    return;
                }
                if (n == 0) {
                    pipe.awaitReadable();
                } else {
                    synchronized (to) {
                        to.write(buffer, 0, n);
                    }
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
