package dev.stockade.sentry.platform.fake;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.KernelConfig;
import dev.stockade.sentry.kernel.ProcessSpec;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.kernel.WaitStatus;
import dev.stockade.sentry.syscalls.TableDispatcher;
import dev.stockade.sentry.time.Clock;
import dev.stockade.sentry.time.SystemClock;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.MountNamespace;
import dev.stockade.sentry.vfs.VfsContext;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

/** A sandbox on the fake processor with a tmpfs of tiny executables, for tests of the kernel. */
public final class FakeSystem implements AutoCloseable {
    /** What the event sink was told. */
    public record Event(String type, Map<String, String> attributes) {}

    public final GuestCode code = new GuestCode();
    public final FakeProcessor processor;
    public final Kernel kernel;
    public final TaskBudget budget;
    public final List<Event> events = new CopyOnWriteArrayList<>();

    public FakeSystem() {
        this(new SystemClock(), 64L << 20, 256);
    }

    public FakeSystem(Clock clock) {
        this(clock, 64L << 20, 256);
    }

    public FakeSystem(Clock clock, long memoryBytes, int maxTasks) {
        processor = new FakeProcessor(memoryBytes, code);
        budget = new TaskBudget(1000);
        try {
            kernel = new Kernel(new KernelConfig(
                    "fake",
                    processor,
                    new TableDispatcher(),
                    clock,
                    (type, attributes) -> events.add(new Event(type, attributes)),
                    k -> new MountNamespace(
                                    k.vfs(),
                                    new TmpfsFilesystem(
                                            k.vfs(),
                                            k.frames(),
                                            "tmpfs",
                                            new TmpfsFilesystem.Limits(16 << 20, 1000),
                                            0755,
                                            0,
                                            0),
                                    "tmpfs",
                                    0)
                            .root(),
                    "fake",
                    memoryBytes,
                    16 << 20,
                    maxTasks,
                    1024,
                    2,
                    budget));
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    private VfsContext context() {
        return new VfsContext(Credentials.root(kernel.userNamespace()), kernel.root(), kernel.root(), 0);
    }

    /** Puts an executable into the root directory. */
    public String executable(String name, GuestProgram program) {
        String path = "/" + name;
        write(path, TinyElf.image(code.entry(program)), 0755);
        return path;
    }

    public void write(String path, byte[] content, int mode) {
        try {
            FileDescription f = kernel.vfs()
                    .open(
                            context(),
                            null,
                            path.getBytes(StandardCharsets.UTF_8),
                            OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_TRUNC,
                            mode & FileMode.PERMISSIONS);
            try {
                f.write(new Bytes(content));
            } finally {
                f.decRef();
            }
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    public ProcessSpec spec(String path, Credentials credentials) {
        return new ProcessSpec(
                path.getBytes(StandardCharsets.UTF_8),
                List.of(path.getBytes(StandardCharsets.UTF_8)),
                List.of(),
                "/".getBytes(StandardCharsets.UTF_8),
                credentials,
                List.of());
    }

    /** Starts the main process. */
    public ThreadGroup start(GuestProgram program) {
        return start(program, false);
    }

    public ThreadGroup start(GuestProgram program, boolean init) {
        try {
            return kernel.startMain(spec(executable("main", program), Credentials.root(kernel.userNamespace())), init);
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    public ThreadGroup exec(String name, GuestProgram program) {
        try {
            return kernel.exec(spec(executable(name, program), Credentials.root(kernel.userNamespace())));
        } catch (ErrnoException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Runs a program as PID 1 to its end. */
    public WaitStatus run(GuestProgram program) {
        return await(start(program));
    }

    public static WaitStatus await(ThreadGroup tg) {
        try {
            return tg.onExit().get(60, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException("the process did not end", e);
        }
    }

    @Override
    public void close() {
        kernel.close();
        String report = kernel.onPanic().getNow(null);
        if (report != null) {
            throw new IllegalStateException(report);
        }
        if (processor.openContexts() != 0 || budget.used() != 0 || !processor.isClosed()) {
            throw new IllegalStateException(
                    processor.openContexts() + " contexts and " + budget.used() + " tasks were left behind");
        }
    }

    /** Bytes of the host as a write's source. */
    private static final class Bytes implements IoSource {
        private final byte[] bytes;
        private int position;

        Bytes(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public long remaining() {
            return (long) bytes.length - position;
        }

        @Override
        public int take(MemorySegment destination, long offset, int length) {
            int n = Math.min(length, bytes.length - position);
            MemorySegment.copy(MemorySegment.ofArray(bytes), position, destination, offset, n);
            position += n;
            return n;
        }
    }
}
