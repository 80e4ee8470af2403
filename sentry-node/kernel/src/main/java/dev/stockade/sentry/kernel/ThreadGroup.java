package dev.stockade.sentry.kernel;

import dev.stockade.sentry.waiter.WaitQueue;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A process: tasks that share signals and an exit status (Linux's signal_struct). */
public final class ThreadGroup {
    final Kernel kernel;
    final PidNamespace pidns;
    final ResourceLimits limits;

    /** Told when a child changed its state. */
    final WaitQueue childEvents = new WaitQueue();

    /** Completed with the wait status once the group is gone, for whoever started it from outside. */
    final CompletableFuture<WaitStatus> exit = new CompletableFuture<>();

    /** Its id in its own namespace. Written under TaskSet.mu when the leader is made. */
    volatile int pid;

    /** ITIMER_REAL; its lock is {@link RankedLock.Rank#TIMER}. */
    final IntervalTimer realTimer;

    /** ITIMER_VIRTUAL, ITIMER_PROF and RLIMIT_CPU. */
    final CpuTimers cpuTimers;

    /**
     * Changes only in execve, when the group has one task. Others than its own task threads read it under TaskSet.mu.
     */
    volatile SignalHandlers signalHandlers;

    // ---- Guarded by TaskSet.mu

    /** Others may look at it without the lock. */
    volatile Task leader;

    final List<Task> tasks = new ArrayList<>(1);

    @Nullable
    ThreadGroup parent;

    final Set<ThreadGroup> children = new LinkedHashSet<>();
    ProcessGroup processGroup;

    /** What the parent is sent when the group is gone; 0 for nothing. */
    int terminationSignal;

    /** Tasks that are not yet zombies. */
    int activeTasks;

    /** The parent was told that the group is gone. */
    boolean parentNotified;

    boolean execed;
    boolean childSubreaper;
    CpuUsage exitedUsage = CpuUsage.NONE;
    CpuUsage childUsage = CpuUsage.NONE;
    long maxResident;
    long childMaxResident;

    // ---- Guarded by the signal mutex

    final PendingSignals pending = new PendingSignals();

    /** Tasks that have not begun to exit. */
    int liveTasks;

    boolean exiting;
    WaitStatus exitStatus = WaitStatus.exited(0);

    /** Every task ended by itself: the status is that of the leader's exit(2). */
    boolean statusFromLeader;

    /** A task waits in execve for the others to be gone. */
    @Nullable
    Task execing;

    /** A stop signal was taken and not yet acted on (JOBCTL_STOP_DEQUEUED). */
    boolean groupStopDequeued;

    int groupStopSignal;
    int groupStopPendingCount;

    /** Every task has stopped. */
    boolean groupStopComplete;

    /** A wait with WUNTRACED may report the stop. */
    boolean groupStopWaitable;

    /** SIGCONT ended a stop; the first task that notices tells the parent. */
    boolean groupContNotify;

    boolean groupContInterrupted;

    /** A wait with WCONTINUED may report it. */
    boolean groupContWaitable;

    /** The init of its namespace is not killed by signals from inside without a handler (SIGNAL_UNKILLABLE). */
    boolean unkillable;

    // ---- Any thread

    /** PR_SET_DUMPABLE. */
    volatile int dumpable = 1;

    volatile int oomScoreAdj;

    /** MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED; forgotten by execve. */
    volatile boolean barrierRegistered;

    @SuppressWarnings("NullAway.Init") // leader and processGroup are set by TaskSet before anyone sees the group
    ThreadGroup(
            Kernel kernel, PidNamespace pidns, SignalHandlers handlers, ResourceLimits limits, int terminationSignal) {
        this.kernel = kernel;
        this.pidns = pidns;
        this.signalHandlers = handlers;
        this.limits = limits;
        this.terminationSignal = terminationSignal;
        this.realTimer = new IntervalTimer(kernel, this);
        this.cpuTimers = new CpuTimers(kernel, this);
    }

    // ---- for system calls, file systems and the server

    public Kernel kernel() {
        return kernel;
    }

    public PidNamespace pidNamespace() {
        return pidns;
    }

    /** Its id in its own namespace (getpid(2)). */
    public int pid() {
        return pid;
    }

    public ResourceLimits limits() {
        return limits;
    }

    /** The leader: of the zombie if the group is one. */
    public Task leader() {
        return leader;
    }

    public IntervalTimer realTimer() {
        return realTimer;
    }

    public CpuTimers cpuTimers() {
        return cpuTimers;
    }

    /** A snapshot of its tasks, zombies included. */
    public List<Task> tasks() {
        kernel.tasks().mu.lock();
        try {
            return List.copyOf(tasks);
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    /** Null for a process started from outside and for init. */
    public @Nullable ThreadGroup parent() {
        kernel.tasks().mu.lock();
        try {
            return parent;
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    /** The parent's id in its own namespace, 0 if it has none there (getppid(2)). */
    public int parentPid() {
        kernel.tasks().mu.lock();
        try {
            return parent == null ? 0 : pidns.pidOfLocked(parent);
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    public ProcessGroup processGroup() {
        kernel.tasks().mu.lock();
        try {
            return processGroup;
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    public Session session() {
        return processGroup().session;
    }

    public SignalHandlers signalHandlers() {
        return signalHandlers;
    }

    /** Completed with the wait status when the group is gone and its resources are released. */
    public CompletableFuture<WaitStatus> onExit() {
        return exit.copy();
    }

    /** The time of its own tasks, exited ones included. */
    public CpuUsage usage() {
        kernel.tasks().mu.lock();
        try {
            return usageLocked();
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    /** The time of the children that were waited for. */
    public CpuUsage childUsage() {
        kernel.tasks().mu.lock();
        try {
            return childUsage;
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    /** Largest resident set so far, of itself or of the children that were waited for, in bytes. */
    public long maxResidentBytes(boolean ofChildren) {
        kernel.tasks().mu.lock();
        try {
            if (ofChildren) {
                return childMaxResident;
            }
        } finally {
            kernel.tasks().mu.unlock();
        }
        return Math.max(maxResident, TaskExit.residentPeak(leader));
    }

    public boolean isChildSubreaper() {
        return childSubreaper;
    }

    public void setChildSubreaper(boolean on) {
        kernel.tasks().mu.lock();
        try {
            childSubreaper = on;
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    public boolean barrierRegistered() {
        return barrierRegistered;
    }

    public void registerBarrier() {
        barrierRegistered = true;
    }

    public int dumpable() {
        return dumpable;
    }

    public void setDumpable(int value) {
        dumpable = value;
    }

    public int oomScoreAdj() {
        return oomScoreAdj;
    }

    public void setOomScoreAdj(int value) {
        oomScoreAdj = value;
    }

    /** Signals that wait for any task of the group, for /proc. */
    public long pendingSet() {
        kernel.tasks().mu.lock();
        try {
            signalHandlers.mu.lock();
            try {
                return pending.set();
            } finally {
                signalHandlers.mu.unlock();
            }
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    // ---- inside the kernel

    CpuUsage usageLocked() {
        CpuUsage u = exitedUsage;
        for (Task t : tasks) {
            if (t.exitState != TaskExitState.ZOMBIE && t.exitState != TaskExitState.DEAD) {
                u = u.plus(t.accounting.usage());
            }
        }
        return u;
    }

    boolean isInit() {
        return pidns.init == this;
    }

    /** Nothing of it runs any more. */
    boolean exitedLocked() {
        return activeTasks == 0;
    }

    boolean isStoppedLocked() {
        kernel.tasks().mu.assertHeld();
        signalHandlers.mu.lock();
        try {
            return groupStopComplete;
        } finally {
            signalHandlers.mu.unlock();
        }
    }

    @Override
    public String toString() {
        return "process " + pid;
    }
}
