package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.fs.pipe.HostInput;
import dev.stockade.sentry.fs.pipe.HostOutput;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.KernelConfig;
import dev.stockade.sentry.kernel.ProcessSpec;
import dev.stockade.sentry.kernel.SyscallStatistics;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.PlatformException;
import dev.stockade.sentry.syscalls.TableDispatcher;
import dev.stockade.sentry.time.SystemClock;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A sandbox: a kernel on a machine of its own, with a root file system. Thread-safe. */
public final class GuestSystem implements AutoCloseable {
    /** What the kernel may keep on the JVM's heap for a sandbox, beside a share of its memory. */
    private static final long LEAST_HEAP_BYTES = 8L << 20;

    private static final int MAX_FDS = 4096;

    /** What a container engine's programs find if nothing else is said. */
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private final GuestConfig config;
    private final GoferClient image;
    private final Kernel kernel;
    private final RootFiles files;

    /** Processes that the memory limit killed, by pid. */
    private final Set<Integer> outOfMemory;

    private GuestSystem(GuestConfig config, Kernel kernel, RootFiles files, Set<Integer> outOfMemory) {
        this.config = config;
        this.image = config.image();
        this.kernel = kernel;
        this.files = files;
        this.outOfMemory = outOfMemory;
    }

    /**
     * Makes a sandbox without processes. May block for the gofer.
     *
     * @throws PlatformException if the host refuses a machine
     * @throws BootException if the root file system can't be put together
     */
    public static GuestSystem boot(GuestConfig config) throws PlatformException, BootException {
        boolean booted = false;
        try {
            Machine machine = config.platform().newMachine(machineBytes(config.memoryBytes()));
            Set<Integer> outOfMemory = ConcurrentHashMap.newKeySet();
            // The kernel owns the machine from here on, also if it fails.
            Kernel kernel = new Kernel(new KernelConfig(
                    config.name(),
                    machine,
                    new TableDispatcher(),
                    new SystemClock(),
                    (type, attributes) -> event(config, outOfMemory, type, attributes),
                    k -> RootTree.mount(k, config),
                    config.hostname(),
                    config.memoryBytes(),
                    LEAST_HEAP_BYTES + config.memoryBytes() / 32,
                    config.maxTasks(),
                    MAX_FDS,
                    Math.clamp(config.cpus(), 1, 64),
                    config.budget()));
            Credentials root = Credentials.root(kernel.userNamespace());
            RootFiles files = new RootFiles(kernel.vfs(), new VfsContext(root, kernel.root(), kernel.root(), 022));
            booted = true;
            return new GuestSystem(config, kernel, files, outOfMemory);
        } catch (ErrnoException e) {
            throw new BootException("the root file system can't be mounted: " + ErrorTexts.of(e.errno()), e);
        } finally {
            if (!booted) {
                config.image().close();
            }
        }
    }

    /** Room for the limit and for what holds it (page tables of many processes count within the limit). */
    private static long machineBytes(long limitBytes) {
        return (limitBytes + 4095) / 4096 * 4096;
    }

    private static void event(
            GuestConfig config, Set<Integer> outOfMemory, String type, Map<String, String> attributes) {
        if (type.equals(EventSink.OOM_KILL)) {
            String pid = attributes.get("pid");
            if (pid != null && outOfMemory.size() < 65536) {
                outOfMemory.add(Integer.valueOf(pid));
            }
        }
        config.events().event(type, attributes);
    }

    /** For the figures. */
    public SyscallStatistics figures() {
        return kernel.statistics();
    }

    /** The name of a system call. */
    public String syscallName(int number) {
        return kernel.config().syscalls().name(number);
    }

    public SandboxStatistics statistics() {
        return new SandboxStatistics(kernel.frames().usedBytes(), kernel.tasks().taskCount());
    }

    /** Whether the sandbox has a directory of this absolute path. */
    public boolean isDirectory(String path) {
        return files.isDirectory(path);
    }

    /** Completed with a report if a bug of the kernel or platform ended the sandbox. */
    public CompletableFuture<String> panic() {
        return kernel.onPanic();
    }

    /** SIGKILL to everything. Returns at once. */
    public void kill() {
        kernel.killAll();
    }

    /**
     * Starts the main process, once.
     *
     * @param init a reaper as PID 1 before it
     */
    public GuestProcess startMain(Command command, boolean init) throws LaunchRefusal {
        return start(command, spec -> kernel.startMain(spec, init));
    }

    /** Starts a process beside the main one. */
    public GuestProcess exec(Command command) throws LaunchRefusal {
        return start(command, kernel::exec);
    }

    private interface Starter {
        ThreadGroup start(ProcessSpec spec) throws ErrnoException;
    }

    private GuestProcess start(Command command, Starter starter) throws LaunchRefusal {
        if (command.tty()) {
            throw new LaunchRefusal(0, "terminals are not supported yet");
        }
        GuestUser user = user(command.user());
        String directory = command.workingDir().isEmpty() ? "/" : command.workingDir();
        try {
            files.makeDirectories(directory, 0755);
        } catch (ErrnoException e) {
            throw new LaunchRefusal(
                    e.errno().number(), "working directory " + directory + ": " + ErrorTexts.of(e.errno()));
        }
        Map<String, String> env = environment(command, user);
        String program =
                ProgramSearch.find(files, command.args().getFirst(), env.getOrDefault("PATH", DEFAULT_PATH), directory);
        Stdio stdio = new Stdio(command.stdin(), user);
        try {
            List<byte[]> arguments =
                    command.args().stream().map(RootFiles::bytes).toList();
            List<byte[]> variables = env.entrySet().stream()
                    .map(e -> RootFiles.bytes(e.getKey() + "=" + e.getValue()))
                    .toList();
            ThreadGroup process = starter.start(new ProcessSpec(
                    RootFiles.bytes(program),
                    arguments,
                    variables,
                    RootFiles.bytes(directory),
                    credentials(user),
                    stdio.guestEnds));
            return new Process(process, stdio);
        } catch (ErrnoException e) {
            stdio.closeHostEnds();
            throw new LaunchRefusal(e.errno().number(), explain(program, e.errno()));
        } catch (RuntimeException | Error e) {
            stdio.closeHostEnds();
            throw e;
        } finally {
            // The process has references of its own.
            stdio.guestEnds.forEach(FileDescription::decRef);
        }
    }

    private String explain(String program, Errno errno) {
        try {
            if (errno == Errno.ENOENT && files.stat(program) != null) {
                return program + ": the program is there, but its interpreter or dynamic loader is not";
            }
        } catch (ErrnoException e) {
            // the first error says it all
        }
        return program + ": " + ErrorTexts.of(errno);
    }

    private GuestUser user(String spec) throws LaunchRefusal {
        try {
            return new UserDatabase(files.read("/etc/passwd"), files.read("/etc/group")).resolve(spec);
        } catch (ErrnoException e) {
            throw new LaunchRefusal(e.errno().number(), "the image's users can't be read: " + ErrorTexts.of(e.errno()));
        }
    }

    private Credentials credentials(GuestUser user) {
        Credentials c = user.uid() == 0
                ? Credentials.root(kernel.userNamespace())
                : Credentials.user(user.uid(), user.gid(), user.groups(), kernel.userNamespace());
        if (user.uid() == 0 && (user.gid() != 0 || user.groups().length > 0)) {
            return new Credentials(
                    0,
                    0,
                    0,
                    0,
                    user.gid(),
                    user.gid(),
                    user.gid(),
                    user.gid(),
                    user.groups(),
                    c.permitted(),
                    c.effective(),
                    c.inheritable(),
                    c.bounding(),
                    c.ambient(),
                    c.securebits(),
                    c.keepCaps(),
                    c.noNewPrivs(),
                    c.userNamespace());
        }
        return c;
    }

    private Map<String, String> environment(Command command, GuestUser user) {
        Map<String, String> env = new LinkedHashMap<>();
        env.put("PATH", DEFAULT_PATH);
        env.put("HOSTNAME", config.hostname());
        env.put("HOME", user.home());
        if (command.tty()) {
            env.put("TERM", "xterm");
        }
        for (String entry : command.env()) {
            int equals = entry.indexOf('=');
            if (equals > 0) {
                env.put(entry.substring(0, equals), entry.substring(equals + 1));
            }
        }
        return env;
    }

    /** The pipes of one process. */
    private final class Stdio {
        final List<FileDescription> guestEnds = new ArrayList<>(3);
        final @Nullable HostInput in;
        final HostOutput out;
        final HostOutput err;

        Stdio(boolean stdin, GuestUser user) throws LaunchRefusal {
            HostInput input = null;
            if (stdin) {
                input = new HostInput(kernel.vfs(), user.uid(), user.gid());
                guestEnds.add(input.guestEnd());
            } else {
                try {
                    guestEnds.add(files.openNull());
                } catch (ErrnoException e) {
                    throw new LaunchRefusal(e.errno().number(), "/dev/null: " + ErrorTexts.of(e.errno()));
                }
            }
            in = input;
            out = new HostOutput(kernel.vfs(), user.uid(), user.gid());
            guestEnds.add(out.guestEnd());
            err = new HostOutput(kernel.vfs(), user.uid(), user.gid());
            guestEnds.add(err.guestEnd());
        }

        void closeHostEnds() {
            if (in != null) {
                in.close();
            }
            out.close();
            err.close();
        }
    }

    private final class Process implements GuestProcess {
        private final ThreadGroup group;
        private final @Nullable InputPipe in;
        private final OutputPipe out;
        private final OutputPipe err;
        private final CompletableFuture<ProcessExit> exit;

        Process(ThreadGroup group, Stdio stdio) {
            this.group = group;
            this.in = stdio.in == null ? null : HostPipes.input(stdio.in);
            this.out = HostPipes.output(stdio.out);
            this.err = HostPipes.output(stdio.err);
            this.exit = group.onExit()
                    .thenApply(s -> new ProcessExit(
                            s.shellStatus(), s.signal(), s.signaled() && outOfMemory.remove(group.pid())));
        }

        @Override
        public int pid() {
            return group.pid();
        }

        @Override
        public boolean signal(int signal) {
            return kernel.signal(group, signal);
        }

        @Override
        public void resize(int rows, int columns) {}

        @Override
        public CompletableFuture<ProcessExit> exit() {
            return exit;
        }

        @Override
        public @Nullable InputPipe stdin() {
            return in;
        }

        @Override
        public OutputPipe stdout() {
            return out;
        }

        @Override
        public OutputPipe stderr() {
            return err;
        }
    }

    /** Kills what is left, waits until all threads are gone and frees the machine and the image's session. Idempotent. */
    @Override
    public void close() {
        try {
            kernel.close();
        } finally {
            image.close();
        }
    }
}
