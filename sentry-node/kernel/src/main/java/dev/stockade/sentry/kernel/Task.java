package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.Registers;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoctlContext;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A thread of a guest program (Linux's task_struct), run by one platform thread of its own: the task thread. It
 * repeats: wait while stopped, then advance the {@link RunState}.
 *
 * <p>What belongs to one subject is in a component: {@link TaskSignals}, {@link TaskBlocking}, {@link TaskAccounting};
 * life and death are in {@link TaskClone}, {@link TaskExec} and {@link TaskExit}.
 */
public final class Task implements IoctlContext {
    final Kernel kernel;
    final ThreadGroup tg;
    final TaskBlocking blocking;
    final TaskSignals signals;
    final TaskAccounting accounting;

    /** Exclusive to the task thread, but for {@link Context#interrupt}. */
    final Context context;

    /** Exclusive to the task thread. */
    private final SyscallArgs args = new SyscallArgs();

    /** What comes next; null when it is over. Exclusive to the task thread. */
    private @Nullable RunState runState;

    private volatile @Nullable Thread thread;

    /** Something wants the task thread's attention: it goes through {@link RunInterrupt} before guest code runs. */
    private volatile boolean interrupted;

    private volatile boolean inGuest;

    /** Written by the task thread alone. */
    private final AtomicLong guestExits = new AtomicLong();

    // Owned by the task thread; others read.
    private volatile MemoryManager memory;
    private volatile FdTable fdTable;
    private volatile FsContext fsContext;
    private volatile UtsNamespace uts;
    private volatile Credentials credentials;
    private volatile byte[] comm;
    private volatile @Nullable FileDescription executable;

    /** The account of {@link Credentials#ruid}. Owned by the task thread. */
    volatile UserCounters userCounters;

    /** Its id in its own namespace; changes only when execve makes it the leader. Written under TaskSet.mu. */
    volatile int tid;

    /** Bound to no task and no namespace; for maps and logs. Immutable. */
    final long serial;

    /** When it was made, monotonic. Immutable. */
    final long startNs;

    // ---- Guarded by TaskSet.mu

    /** Others may look at it without the lock. */
    volatile TaskExitState exitState = TaskExitState.ALIVE;

    /** Whose vfork stop ends when this task gives up its address space. */
    @Nullable
    Task vforkParent;

    /** The thread that made its group (for a leader): __WNOTHREAD and the parent-death signal. */
    @Nullable
    Task parentThread;

    // ---- Guarded by the signal mutex

    /** External stops plus one for an internal one; mutated under the signal mutex, read without. */
    final AtomicInteger stopCount = new AtomicInteger();

    @Nullable
    TaskStop stop;

    boolean groupStopPending;

    WaitStatus exitStatus = WaitStatus.exited(0);

    // ---- Exclusive to the task thread

    /** Number of the call in progress, for restarts. */
    long syscallNumber;

    /** Whether RAX is the result of a call that may have to be restarted. */
    boolean inSyscallReturn;

    /** The internal code (ERESTARTSYS, ...) that the last call gave, or 0. */
    int restartCode;

    /** How restart_syscall(2) goes on with a call that a stop or an ignored signal interrupted. */
    @Nullable
    SyscallHandler restartBlock;

    /** clear_child_tid: set to 0 and woken when the task gives up its address space; 0 for none. */
    long clearTid;

    /** Another task may use the same address space. */
    volatile boolean memoryShared;

    /** Head of the robust futex list; 0 for none. */
    volatile long robustList;

    /** PR_SET_PDEATHSIG. Owned by the task thread. */
    volatile int parentDeathSignal;

    /** personality(2). */
    volatile int personality;

    /** nice value, -20 to 19. */
    volatile int niceness;

    volatile int schedPolicy;
    volatile int schedPriority;

    /** sched_setaffinity(2), as a bit mask of processors. */
    volatile long affinity;

    /** PR_SET_TIMERSLACK. */
    volatile long timerSlackNs = 50_000;

    Task(Kernel kernel, ThreadGroup tg, TaskParts parts, long serial) {
        this.kernel = kernel;
        this.tg = tg;
        this.serial = serial;
        this.startNs = kernel.clock().monotonicNs();
        this.blocking = new TaskBlocking(this);
        this.signals = new TaskSignals(this, parts.signalMask());
        this.accounting = new TaskAccounting(kernel.clock());
        this.memory = parts.memory();
        this.fdTable = parts.fdTable();
        this.fsContext = parts.fsContext();
        this.uts = parts.uts();
        this.credentials = parts.credentials();
        this.comm = parts.comm();
        this.executable = parts.executable();
        this.runState = parts.firstState();
        this.affinity = kernel.allCpus();
        this.context = kernel.config().machine().newContext();
        this.userCounters = kernel.acquireUser(parts.credentials().ruid());
    }

    // ---- The task thread

    void start() {
        Thread t = new Thread(null, this::run, kernel.config().name() + "/" + tid, Kernel.TASK_STACK_BYTES);
        t.setDaemon(true);
        thread = t;
        boolean started = false;
        try {
            t.start();
            started = true;
        } finally {
            if (!started) {
                // The host has no more threads.
                thread = null;
                discard();
            }
        }
    }

    /** A task that is visible but never ran is gone before it lived. */
    void discard() {
        try {
            TaskExit.abandon(this);
        } finally {
            context.close();
            kernel.tasks().threadExited(this);
        }
    }

    private void run() {
        try {
            RunState s = runState;
            while (s != null) {
                waitWhileStopped();
                runState = s;
                s = s == RunExitDone.INSTANCE ? null : s.execute(this);
            }
            runState = null;
        } catch (RuntimeException | Error e) {
            kernel.panic(this, e);
        } finally {
            try {
                context.close();
            } finally {
                kernel.tasks().threadExited(this);
                thread = null;
            }
        }
    }

    boolean isRunBy(Thread t) {
        return thread == t;
    }

    private void waitWhileStopped() {
        if (stopCount.get() == 0) {
            return;
        }
        accounting.beginStop();
        boolean toldToExit = false;
        while (stopCount.get() != 0) {
            LockSupport.park(this);
            // With the thread's interrupt status set it would not park again.
            toldToExit |= Thread.interrupted();
        }
        if (toldToExit) {
            Thread.currentThread().interrupt();
        }
        accounting.endStop();
    }

    void unpark() {
        Thread t = thread;
        if (t != null) {
            LockSupport.unpark(t);
        }
    }

    /**
     * Makes the task thread go through {@link RunInterrupt} soon: ends an interruptible sleep, leaves guest code. Any
     * thread; takes no lock.
     */
    void interrupt() {
        interrupted = true;
        if (inGuest) {
            context.interrupt();
        }
        unpark();
    }

    /**
     * Like {@link #interrupt} for a task that was told to exit: also ends its waiting for a gofer, which is no sleep of
     * its own. With the signal mutex held and the task alive, so that the exit itself is never interrupted.
     */
    void interruptForExit() {
        interrupt();
        Thread t = thread;
        if (t != null && t != Thread.currentThread()) {
            t.interrupt();
        }
    }

    /** Like {@link #interrupt}, by the task thread itself. */
    void interruptSelf() {
        interrupted = true;
    }

    boolean isInterrupted() {
        return interrupted;
    }

    void clearInterrupted() {
        interrupted = false;
    }

    void setInGuest(boolean in) {
        inGuest = in;
        if (!in) {
            guestExits.setRelease(guestExits.getPlain() + 1);
        }
    }

    boolean isInGuest() {
        return inGuest;
    }

    /** How often it has left guest code. */
    long guestExits() {
        return guestExits.getAcquire();
    }

    /** Makes it leave guest code soon if it is there, without anything else to do. */
    void kick() {
        if (inGuest) {
            context.interrupt();
        }
    }

    // ---- What the task is made of

    public Kernel kernel() {
        return kernel;
    }

    public ThreadGroup threadGroup() {
        return tg;
    }

    public TaskBlocking blocking() {
        return blocking;
    }

    public TaskSignals signals() {
        return signals;
    }

    public TaskAccounting accounting() {
        return accounting;
    }

    /** The guest's registers. Exclusive to the task thread. */
    public Registers registers() {
        return context.registers();
    }

    /**
     * Its address space. Once the task is exiting, this may have no users any more: other threads than the task's own
     * use {@link MemoryManager#tryIncUsers} first.
     */
    public MemoryManager memoryManager() {
        return memory;
    }

    public FdTable fdTable() {
        return fdTable;
    }

    public FsContext fsContext() {
        return fsContext;
    }

    /** Root, working directory, umask and credentials in one view, for path operations. */
    public VfsContext vfsContext() {
        return fsContext.vfsContext(credentials, this);
    }

    public UtsNamespace utsNamespace() {
        return uts;
    }

    @Override
    public Credentials credentials() {
        return credentials;
    }

    /** Its id in its own PID namespace (gettid(2)). */
    public int tid() {
        return tid;
    }

    public PidNamespace pidNamespace() {
        return tg.pidns;
    }

    /** The name that PR_SET_NAME and execve set: at most 15 bytes. */
    public byte[] comm() {
        return comm.clone();
    }

    public void setComm(byte[] name) {
        comm = java.util.Arrays.copyOf(name, Math.min(name.length, 15));
    }

    /** What /proc/pid/exe is, without a reference; null for a kernel task. */
    public @Nullable FileDescription executable() {
        return executable;
    }

    public int niceness() {
        return niceness;
    }

    public long startNs() {
        return startNs;
    }

    // ---- Changes by the task thread itself

    void setMemoryManager(MemoryManager m) {
        memory = m;
    }

    /** Replaces the descriptor table by a copy if others use it too (unshare(2), execve(2)). */
    public void unshareFdTable() throws ErrnoException {
        FdTable old = fdTable;
        if (old.shared()) {
            fdTable = old.fork();
            old.decUsers();
        }
    }

    /** Replaces root, working directory and umask by a copy (unshare(2)). */
    public void unshareFsContext() {
        fsContext = fsContext.fork();
    }

    public void setUtsNamespace(UtsNamespace namespace) {
        uts = namespace;
    }

    void setExecutable(@Nullable FileDescription file) {
        executable = file;
    }

    /** Changes the credentials; the account of the real user id follows. By the task thread. */
    public void setCredentials(Credentials next) {
        Credentials old = credentials;
        if (old.ruid() != next.ruid()) {
            UserCounters from = userCounters;
            userCounters = kernel.acquireUser(next.ruid());
            kernel.releaseUser(old.ruid(), from);
        }
        if (old.euid() != next.euid()
                || old.egid() != next.egid()
                || old.fsuid() != next.fsuid()
                || old.fsgid() != next.fsgid()
                || (next.permitted() & ~old.permitted()) != 0) {
            // What it did and has of its time as another user is not for this one's other processes (commit_creds).
            tg.dumpable = 0;
            parentDeathSignal = 0;
        }
        credentials = next;
    }

    // ---- System calls

    SyscallArgs args() {
        return args;
    }

    /** What the call in progress returns. */
    public void setSyscallReturn(long value) {
        registers().rax = value;
    }

    /** How restart_syscall(2) goes on; the caller then throws ERESTART_RESTARTBLOCK. */
    public void setRestartBlock(SyscallHandler handler) {
        restartBlock = handler;
    }

    /** Takes the restart block, null if there is none. */
    public @Nullable SyscallHandler takeRestartBlock() {
        SyscallHandler h = restartBlock;
        restartBlock = null;
        return h;
    }

    public void setClearTid(long address) {
        clearTid = address;
    }

    public void setRobustList(long address) {
        robustList = address;
    }

    public long robustList() {
        return robustList;
    }

    public int parentDeathSignal() {
        return parentDeathSignal;
    }

    public void setParentDeathSignal(int signal) {
        parentDeathSignal = signal;
    }

    public int personality() {
        return personality;
    }

    public void setPersonality(int p) {
        personality = p;
    }

    public void setNiceness(int nice) {
        niceness = nice;
    }

    public int schedPolicy() {
        return schedPolicy;
    }

    public int schedPriority() {
        return schedPriority;
    }

    public void setScheduler(int policy, int priority) {
        schedPolicy = policy;
        schedPriority = priority;
    }

    public long affinity() {
        return affinity;
    }

    public void setAffinity(long mask) {
        affinity = mask;
    }

    public long timerSlackNs() {
        return timerSlackNs;
    }

    public void setTimerSlackNs(long ns) {
        timerSlackNs = ns;
    }

    /** Whether guest code of it may still run. */
    public boolean isAlive() {
        return exitState == TaskExitState.ALIVE;
    }

    /** As /proc/pid/stat shows it: R, S, D, T, Z or X. */
    public char stateLetter() {
        return switch (exitState) {
            case ALIVE, INITIATED -> accounting.activity().letter();
            case ZOMBIE -> 'Z';
            case DEAD -> 'X';
        };
    }

    // ---- ioctl's view of the caller

    @Override
    public Object task() {
        return this;
    }

    @Override
    public void copyIn(long address, byte[] destination) throws ErrnoException {
        memory.copyIn(address, destination);
    }

    @Override
    public void copyOut(long address, byte[] source) throws ErrnoException {
        memory.copyOut(address, source);
    }

    @Override
    public String toString() {
        return "task " + tid + " (" + new String(comm, java.nio.charset.StandardCharsets.ISO_8859_1) + ")";
    }
}
