package dev.stockade.sentry.oneshot;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.boot.BootException;
import dev.stockade.sentry.boot.Command;
import dev.stockade.sentry.boot.GuestConfig;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.GuestSystem;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.kvm.hostfs.LocalTreeClient;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.PlatformException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The command {@code stockade do}. */
public final class DoMain {
    private static final int REFUSED = 125;
    private static final int SIGHUP = 1;
    private static final int SIGINT = 2;
    private static final int SIGPIPE = 13;
    private static final int SIGTERM = 15;
    /** How long a program may go on when nobody reads its output. */
    private static final long BROKEN_PIPE_SECONDS = 1;

    private static final int MAX_TASKS = 4096;
    private static final long DEFAULT_MEMORY_BYTES = 1L << 30;

    private final PrintStream errors;

    private DoMain(PrintStream errors) {
        this.errors = errors;
    }

    public static void main(String[] args) {
        int status = new DoMain(System.err).run(List.of(args));
        System.err.flush();
        // Threads that wait for the host's standard input must not keep the process.
        Runtime.getRuntime().halt(status);
    }

    private int run(List<String> args) {
        DoOptions options;
        try {
            options = DoOptions.parse(args);
        } catch (UsageException e) {
            errors.println("stockade do: " + e.getMessage());
            errors.print(DoOptions.USAGE);
            return REFUSED;
        }
        if (options.help()) {
            System.out.print(DoOptions.USAGE);
            System.out.flush();
            return 0;
        }
        try {
            return run(options);
        } catch (PlatformException | BootException e) {
            return refuse(e.getMessage(), REFUSED);
        } catch (LaunchRefusal e) {
            return refuse(e.getMessage(), e.exitCode());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return REFUSED;
        }
    }

    private int refuse(@Nullable String message, int status) {
        errors.println("stockade do: " + message);
        return status;
    }

    private int run(DoOptions options) throws PlatformException, BootException, LaunchRefusal, InterruptedException {
        Path root = options.rootfs() == null ? Path.of("/") : options.rootfs();
        if (!Files.isDirectory(root)) {
            return refuse("--rootfs " + root + " is not a directory", REFUSED);
        }
        GoferClient files;
        try {
            files = LocalTreeClient.open(root);
        } catch (ErrnoException e) {
            return refuse(root + " can't be opened: " + e.errno().name(), REFUSED);
        }
        try (Platform platform = KvmPlatform.open();
                GuestSystem guest = GuestSystem.boot(config(options, platform, files))) {
            GuestProcess process = guest.startMain(command(options, guest), options.init());
            passSignals(process);
            HostStreams streams = HostStreams.connect(process, () -> endUnread(process));
            int status = await(process, options, guest);
            String panic = guest.panic().getNow(null);
            if (panic != null) {
                return refuse("the sandbox's kernel failed: " + panic, REFUSED);
            }
            streams.finish();
            return status;
        }
    }

    private GuestConfig config(DoOptions options, Platform platform, GoferClient files) {
        return new GuestConfig(
                "do",
                platform,
                files,
                "stockade",
                options.memoryBytes() == 0 ? DEFAULT_MEMORY_BYTES : options.memoryBytes(),
                MAX_TASKS,
                Runtime.getRuntime().availableProcessors(),
                false,
                new TaskBudget(MAX_TASKS),
                this::event);
    }

    private void event(String type, Map<String, String> attributes) {
        if (type.equals(EventSink.OOM_KILL)) {
            errors.println("stockade do: out of memory: killed " + attributes.getOrDefault("comm", "a process")
                    + " (the limit is set with -m)");
        } else if (System.getenv("STOCKADE_DEBUG") != null) {
            errors.println("stockade do: " + type + " " + attributes);
        }
    }

    private static Command command(DoOptions options, GuestSystem guest) {
        List<String> env = new ArrayList<>();
        if (options.rootfs() == null) {
            System.getenv().forEach((name, value) -> env.add(name + "=" + value));
        } else {
            String terminal = System.getenv("TERM");
            if (terminal != null) {
                env.add("TERM=" + terminal);
            }
        }
        env.addAll(options.env());
        String directory = options.workingDir();
        if (directory == null) {
            String here = System.getProperty("user.dir", "/");
            directory = guest.isDirectory(here) ? here : "/";
        }
        return new Command(options.command(), env, directory, options.user(), false, true, 0, 0);
    }

    private static void passSignals(GuestProcess process) {
        passOn("INT", SIGINT, process);
        passOn("TERM", SIGTERM, process);
        passOn("HUP", SIGHUP, process);
    }

    /** The first one is the program's; PID 1 may ignore it, so the second one gives up. */
    private static void passOn(String name, int number, GuestProcess process) {
        AtomicInteger times = new AtomicInteger();
        HostSignals.handle(name, () -> {
            if (times.incrementAndGet() > 1) {
                Runtime.getRuntime().halt(128 + number);
            }
            process.signal(number);
        });
    }

    /**
     * Nobody reads the output any more: the program gets EPIPE and SIGPIPE, as it would outside. As PID 1 it may ignore
     * both for ever, so it is not waited for long.
     */
    private static void endUnread(GuestProcess process) {
        try {
            process.exit().get(BROKEN_PIPE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            Runtime.getRuntime().halt(128 + SIGPIPE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private int await(GuestProcess process, DoOptions options, GuestSystem guest) throws InterruptedException {
        try {
            if (options.timeout() != null) {
                try {
                    return process.exit()
                            .get(options.timeout().toMillis(), TimeUnit.MILLISECONDS)
                            .code();
                } catch (TimeoutException e) {
                    errors.println(
                            "stockade do: killed after " + options.timeout().toMillis() + " ms");
                    guest.kill();
                }
            }
            return process.exit().get().code();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }
}
