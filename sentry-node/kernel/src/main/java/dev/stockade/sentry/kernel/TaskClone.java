package dev.stockade.sentry.kernel;

import static dev.stockade.sentry.abi.CloneFlags.*;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.platform.Registers;
import dev.stockade.sentry.vfs.FileDescription;
import org.jspecify.annotations.Nullable;

/** clone(2): new tasks and processes (kernel/fork.c). */
public final class TaskClone {
    private TaskClone() {}

    /**
     * What clone(2) and clone3(2) ask for.
     *
     * @param flags CLONE_*, without the signal
     * @param exitSignal for the parent, 0 for none
     * @param stack the child's RSP, 0 for the parent's
     * @param tls FS base with CLONE_SETTLS
     */
    public record Request(long flags, int exitSignal, long stack, long parentTid, long childTid, long tls) {
        boolean has(long flag) {
            return (flags & flag) != 0;
        }
    }

    /** Namespaces of which there is only the first; asking for another gives EINVAL, or EPERM without the capability. */
    private static final long UNSUPPORTED_NAMESPACES = NAMESPACES & ~(CLONE_NEWUTS | CLONE_NEWPID);

    /**
     * Makes a task. The caller returns its id in its own namespace, or stops if it was a vfork.
     *
     * @throws ErrnoException EINVAL, EPERM, EAGAIN, ENOMEM
     */
    public static RunState clone(Task t, Request q) throws ErrnoException {
        check(t, q);
        Task child = make(t, q);
        PidNamespace own = t.tg.pidns;
        int tid = own.tidOf(child);
        if (q.has(CLONE_PARENT_SETTID)) {
            try {
                t.memoryManager().writeInt(q.parentTid, tid);
            } catch (ErrnoException e) {
                // Linux ignores it too: the child exists by now.
            }
        }
        if (q.has(CLONE_VFORK)) {
            beginVfork(t, child);
        }
        t.setSyscallReturn(tid);
        child.start();
        return RunSyscallExit.INSTANCE;
    }

    private static void check(Task t, Request q) throws ErrnoException {
        boolean bad = (q.has(CLONE_SIGHAND) && !q.has(CLONE_VM))
                || (q.has(CLONE_THREAD) && !q.has(CLONE_SIGHAND))
                || (q.has(CLONE_NEWNS) && q.has(CLONE_FS))
                || (q.has(CLONE_NEWUSER) && q.has(CLONE_FS))
                || (q.has(CLONE_THREAD) && q.has(CLONE_NEWPID | CLONE_NEWUSER))
                || (q.has(CLONE_SIGHAND) && q.has(CLONE_CLEAR_SIGHAND))
                || (q.has(CLONE_PARENT) && t.tg.isInit())
                || q.exitSignal > Signal.SIGNAL_MAX
                || q.has(CLONE_INTO_CGROUP | CLONE_PIDFD);
        if (bad) {
            throw Errno.EINVAL.exception();
        }
        if (q.has(NAMESPACES) && !t.credentials().hasCapability(Capability.CAP_SYS_ADMIN)) {
            throw Errno.EPERM.exception();
        }
        if (q.has(UNSUPPORTED_NAMESPACES)) {
            throw Errno.EINVAL.exception();
        }
        if (q.has(CLONE_NEWPID) && t.tg.pidns.depth() >= PidNamespace.MAX_DEPTH) {
            throw Errno.ENOSPC.exception();
        }
        ResourceLimits limits = t.tg.limits;
        if (Long.compareUnsigned(t.userCounters.tasks(), limits.soft(Resource.RLIMIT_NPROC)) >= 0
                && !t.credentials().hasCapability(Capability.CAP_SYS_RESOURCE)
                && !t.credentials().hasCapability(Capability.CAP_SYS_ADMIN)) {
            throw Errno.EAGAIN.exception();
        }
    }

    private static Task make(Task t, Request q) throws ErrnoException {
        TaskParts parts = parts(t, q);
        boolean done = false;
        try {
            ThreadGroup tg = q.has(CLONE_THREAD) ? t.tg : newGroup(t, q);
            boolean siblings = q.has(CLONE_PARENT) || q.has(CLONE_THREAD);
            @Nullable ThreadGroup parent = siblings ? t.tg.parent() : t.tg;
            @Nullable Task parentThread = siblings ? t.tg.leader.parentThread : t;
            Task child = t.kernel.tasks().add(tg, parts, parent, parentThread, true);
            done = true;
            boolean ready = false;
            try {
                if (tg != t.tg && parent == null) {
                    // A sibling of a process that has no parent here stays in the caller's session.
                    joinGroupOf(child, t);
                }
                inherit(t, child, q);
                if (tg != t.tg && tg.limits.soft(Resource.RLIMIT_CPU) != Resource.RLIM_INFINITY) {
                    tg.cpuTimers.limitChanged();
                }
                ready = true;
            } finally {
                if (!ready) {
                    child.discard();
                }
            }
            return child;
        } finally {
            if (!done) {
                parts.release();
            }
        }
    }

    private static void joinGroupOf(Task child, Task t) {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            set.moveLocked(child.tg, t.tg.processGroup);
        } finally {
            set.mu.unlock();
        }
    }

    private static ThreadGroup newGroup(Task t, Request q) {
        SignalHandlers handlers = q.has(CLONE_SIGHAND)
                ? t.tg.signalHandlers
                : q.has(CLONE_CLEAR_SIGHAND) ? t.tg.signalHandlers.forExec() : t.tg.signalHandlers.fork();
        PidNamespace ns = q.has(CLONE_NEWPID) ? new PidNamespace(t.kernel.tasks(), t.tg.pidns) : t.tg.pidns;
        ThreadGroup tg = new ThreadGroup(t.kernel, ns, handlers, t.tg.limits.fork(), q.exitSignal);
        tg.dumpable = t.tg.dumpable;
        tg.oomScoreAdj = t.tg.oomScoreAdj;
        return tg;
    }

    private static TaskParts parts(Task t, Request q) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        if (q.has(CLONE_VM)) {
            mm.incUsers();
        } else {
            mm = mm.fork();
        }
        FdTable fds = t.fdTable();
        if (q.has(CLONE_FILES)) {
            fds.incUsers();
        } else {
            try {
                fds = fds.fork();
            } catch (ErrnoException e) {
                mm.decUsers();
                throw e;
            }
        }
        FsContext fs = q.has(CLONE_FS) ? t.fsContext() : t.fsContext().fork();
        UtsNamespace uts = q.has(CLONE_NEWUTS) ? t.utsNamespace().copy() : t.utsNamespace();
        FileDescription exe = t.executable();
        if (exe != null) {
            exe.incRef();
        }
        return new TaskParts(
                mm,
                fds,
                fs,
                uts,
                t.credentials(),
                t.comm(),
                exe,
                t.signals.mask(),
                new RunCloned(q.has(CLONE_CHILD_SETTID) ? q.childTid : 0));
    }

    /** What the child has of its parent; it does not run yet. */
    private static void inherit(Task t, Task child, Request q) {
        Registers r = child.context.registers();
        r.set(t.registers());
        r.rax = 0;
        if (q.stack != 0) {
            r.rsp = q.stack;
        }
        if (q.has(CLONE_SETTLS)) {
            r.fsBase = q.tls;
        }
        child.context.restoreFpu(t.context.saveFpu());
        child.signals.inheritFrom(t.signals, q.has(CLONE_VM) && !q.has(CLONE_VFORK));
        if (q.has(CLONE_VM)) {
            t.memoryShared = true;
            child.memoryShared = true;
        }
        child.clearTid = q.has(CLONE_CHILD_CLEARTID) ? q.childTid : 0;
        child.personality = t.personality;
        child.niceness = t.niceness;
        child.schedPolicy = t.schedPolicy;
        child.schedPriority = t.schedPriority;
        child.affinity = t.affinity;
        child.timerSlackNs = t.timerSlackNs;
    }

    private static void beginVfork(Task t, Task child) {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            RankedLock mu = t.tg.signalHandlers.mu;
            mu.lock();
            try {
                child.vforkParent = t;
                GroupStop.beginInternalStopLocked(t, TaskStop.VFORK);
            } finally {
                mu.unlock();
            }
        } finally {
            set.mu.unlock();
        }
    }
}
