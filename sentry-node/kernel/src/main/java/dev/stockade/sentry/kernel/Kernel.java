package dev.stockade.sentry.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.auth.UserNamespace;
import dev.stockade.sentry.futex.FutexQueues;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.mm.AddressSpaces;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;
import dev.stockade.sentry.time.TimerQueue;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A sandbox's Linux kernel. Thread-safe. */
public final class Kernel implements AutoCloseable {
    /** Of a task thread: system calls nest a few dozen Java frames and a native call. */
    static final long TASK_STACK_BYTES = 512 * 1024;

    /** What programs see (uname(2)). */
    public static final String RELEASE = "6.1.0-stockade";

    /** The build, as uname(2) and /proc/version have it. */
    public static final String VERSION = "#1 SMP PREEMPT_DYNAMIC Stockade";

    private final KernelConfig config;
    private final TaskSet tasks;
    private final FrameAllocator frames;
    private final KernelHeap heap;
    private final VirtualFilesystem vfs;
    private final AddressSpaces spaces;
    private final FutexQueues futexes = new FutexQueues();
    private final TimerQueue timers;
    private final RandomGenerator random = new SecureRandom();
    private final UserNamespace userNamespace = new UserNamespace(null);
    private final UtsNamespace uts;
    private final VirtualDentry root;
    private final long bootRealtimeNs;
    private final CompletableFuture<String> panic = new CompletableFuture<>();
    private final SyscallStatistics statistics = new SyscallStatistics();

    /** Starting processes from outside, and closing. Outermost lock. */
    private final RankedLock extMu = new RankedLock(RankedLock.Rank.KERNEL_EXT);

    private @Nullable ThreadGroup first;
    private boolean closed;

    /** Queued signals of all users together. */
    private final AtomicLong pendingSignals = new AtomicLong();

    @GuardedBy("users")
    private final Map<Integer, UserCounters> users = new HashMap<>();

    /**
     * Makes a kernel without tasks. It owns the machine from now on, also if this fails.
     *
     * @throws ErrnoException the root file system could not be mounted
     */
    public Kernel(KernelConfig config) throws ErrnoException {
        this.config = config;
        this.tasks = new TaskSet(this);
        this.timers = new TimerQueue(config.clock(), config.name() + "/timers");
        this.frames = new FrameAllocator(config.machine().memory(), config.memoryLimitBytes());
        this.heap = new KernelHeap(config.kernelHeapBytes());
        this.vfs = new VirtualFilesystem(config.clock()::realtimeNs, heap);
        this.spaces = new AddressSpaces(config.machine(), frames, random, heap);
        this.spaces.onOutOfMemory(this::outOfMemory);
        this.uts = new UtsNamespace(
                config.hostname().getBytes(StandardCharsets.UTF_8), "(none)".getBytes(StandardCharsets.UTF_8));
        this.bootRealtimeNs = config.clock().realtimeNs() - config.clock().monotonicNs();
        boolean mounted = false;
        try {
            this.root = config.rootSetup().mountRoot(this);
            mounted = true;
        } finally {
            if (!mounted) {
                config.machine().close();
            }
        }
    }

    // ---- What it is made of

    public KernelConfig config() {
        return config;
    }

    public Clock clock() {
        return config.clock();
    }

    public TaskSet tasks() {
        return tasks;
    }

    public PidNamespace rootPidNamespace() {
        return tasks.root();
    }

    public FrameAllocator frames() {
        return frames;
    }

    /** The account of what guests make the kernel keep. */
    public KernelHeap heap() {
        return heap;
    }

    public VirtualFilesystem vfs() {
        return vfs;
    }

    public AddressSpaces addressSpaces() {
        return spaces;
    }

    public FutexQueues futexes() {
        return futexes;
    }

    public TimerQueue timers() {
        return timers;
    }

    /** Cryptographically strong; for getrandom(2), /dev/urandom and address space layout. */
    public RandomGenerator random() {
        return random;
    }

    public UserNamespace userNamespace() {
        return userNamespace;
    }

    /** The first UTS namespace. */
    public UtsNamespace utsNamespace() {
        return uts;
    }

    /** The root directory of the first mount namespace. */
    public VirtualDentry root() {
        return root;
    }

    /** Realtime when the monotonic clock was 0 (btime of /proc/stat). */
    public long bootRealtimeNs() {
        return bootRealtimeNs;
    }

    public SyscallStatistics statistics() {
        return statistics;
    }

    /** The affinity mask of all processors. */
    public long allCpus() {
        return config.cpus() >= 64 ? -1L : (1L << config.cpus()) - 1;
    }

    // ---- Processes from outside

    /**
     * Makes the sandbox's first process, PID 1.
     *
     * @param init put the kernel's own reaper before it as PID 1; the process is PID 2 then
     * @throws ErrnoException what execve(2) gives for the program, or chdir(2) for the directory
     */
    public ThreadGroup startMain(ProcessSpec spec, boolean init) throws ErrnoException {
        extMu.lock();
        try {
            if (first != null || closed) {
                throw new IllegalStateException("the main process was already started");
            }
            RunReaper reaper = init ? new RunReaper() : null;
            @Nullable Task parent = reaper == null ? null : startReaper(reaper);
            ThreadGroup main = ProcessStart.start(this, spec, parent);
            if (reaper != null && parent != null) {
                reaper.watch(parent, main);
                first = parent.tg;
            } else {
                first = main;
            }
            return main;
        } finally {
            extMu.unlock();
        }
    }

    /**
     * Starts a further process in the sandbox's PID namespace, without a parent (docker exec).
     *
     * @throws ErrnoException what execve(2) gives; ENOMEM once the first process is gone
     */
    public ThreadGroup exec(ProcessSpec spec) throws ErrnoException {
        extMu.lock();
        try {
            return ProcessStart.start(this, spec, null);
        } finally {
            extMu.unlock();
        }
    }

    private Task startReaper(RunReaper reaper) throws ErrnoException {
        MemoryManager mm = spaces.create(MemoryLimits.DEFAULT, false);
        TaskParts parts = new TaskParts(
                mm,
                new FdTable(heap),
                new FsContext(root, root, 022),
                uts,
                Credentials.root(userNamespace),
                "init".getBytes(StandardCharsets.US_ASCII),
                null,
                -1L & ~Signal.UNBLOCKABLE,
                reaper);
        boolean done = false;
        try {
            ThreadGroup tg = new ThreadGroup(
                    this,
                    tasks.root(),
                    new SignalHandlers(),
                    ResourceLimits.defaults(config.maxTasks(), config.maxFds()),
                    0);
            Task t = tasks.add(tg, parts, null, null, true);
            done = true;
            t.start();
            return t;
        } finally {
            if (!done) {
                parts.release();
            }
        }
    }

    /**
     * kill(2) from outside the namespace: PID 1 is not protected from SIGKILL and SIGSTOP.
     *
     * @return false if the process is gone
     */
    public boolean signal(ThreadGroup tg, int signal) {
        if (!Signal.isValid(signal)) {
            return false;
        }
        try {
            SignalSender.sendForced(tg, SigInfo.user(signal, Signal.SI_USER, 0, 0));
            return !tg.exit.isDone();
        } catch (ErrnoException e) {
            return false;
        }
    }

    /** SIGKILL to everything; nothing new starts. Returns at once. */
    public void killAll() {
        tasks.killAll();
    }

    /** Stops every task at its next state boundary; counted. */
    public void pause() {
        tasks.beginExternalStop();
    }

    /** Undoes one {@link #pause}. */
    public void resume() {
        tasks.endExternalStop();
    }

    /** Completed with a report when a bug of the kernel or the platform ended this sandbox; else never. */
    public CompletableFuture<String> onPanic() {
        return panic.copy();
    }

    /** Waits until no task is left. */
    public boolean awaitExit(long timeout, TimeUnit unit) {
        return tasks.awaitThreads(unit.toNanos(timeout));
    }

    /** Kills what is left, waits until all task threads are gone and gives every resource back. Idempotent. */
    @Override
    public void close() {
        extMu.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
        } finally {
            extMu.unlock();
        }
        killAll();
        boolean gone = tasks.awaitThreads(TimeUnit.SECONDS.toNanos(30));
        timers.close();
        if (gone) {
            config.machine().close();
        } else {
            // A thread that hangs in the host may still touch the machine: keep it rather than crash the node.
            panic.complete("task threads did not end within 30 s of being killed; the machine is left open");
        }
    }

    // ---- Failure

    /** An unexpected failure of one task's kernel code: this sandbox ends, the node goes on. */
    void panic(Task t, Throwable cause) {
        String report = "kernel panic";
        try {
            report = report(t, cause);
        } catch (Throwable e) {
            // Out of memory, perhaps: what counts is that the sandbox ends.
            report = "kernel panic: " + cause.getClass().getName();
        } finally {
            try {
                if (panic.complete(report)) {
                    config.events().event(EventSink.KERNEL_PANIC, Map.of("report", report));
                }
            } finally {
                killAll();
                // The failed thread ends without its exit path: what it held is freed with the machine.
                TaskExit.abandon(t);
            }
        }
    }

    private String report(Task t, Throwable cause) {
        StringWriter trace = new StringWriter();
        cause.printStackTrace(new PrintWriter(trace));
        return "kernel panic in " + t + ", system call " + config.syscalls().name(t.syscallNumber) + ": " + trace;
    }

    /** The memory limit is reached: the process that holds most is killed. */
    void outOfMemory() {
        OutOfMemory.kill(this);
    }

    // ---- Accounts

    UserCounters acquireUser(int uid) {
        synchronized (users) {
            UserCounters c = users.computeIfAbsent(uid, u -> new UserCounters(pendingSignals));
            c.addTask();
            return c;
        }
    }

    void releaseUser(int uid, UserCounters c) {
        synchronized (users) {
            c.removeTask();
            if (c.tasks() == 0) {
                users.remove(uid, c);
            }
        }
    }
}
