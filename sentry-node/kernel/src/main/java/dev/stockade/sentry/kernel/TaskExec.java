package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.loader.LoadedProgram;
import dev.stockade.sentry.platform.Registers;
import dev.stockade.sentry.vfs.FileDescription;
import org.jspecify.annotations.Nullable;

/** execve(2): another program in a process (fs/exec.c). */
public final class TaskExec {
    private TaskExec() {}

    /**
     * Replaces the program once all other threads of the group are gone.
     *
     * @param program loaded; taken over, also on failure
     * @param credentials those of the new program
     * @param comm the new name of the task
     */
    public static RunState execve(Task t, LoadedProgram program, Credentials credentials, byte[] comm)
            throws ErrnoException {
        try {
            t.unshareFdTable();
        } catch (ErrnoException e) {
            release(program);
            throw e;
        }
        ThreadGroup tg = t.tg;
        TaskSet set = t.kernel.tasks();
        boolean refused;
        set.mu.lock();
        try {
            RankedLock mu = tg.signalHandlers.mu;
            mu.lock();
            try {
                refused = tg.exiting || tg.execing != null;
                if (!refused) {
                    tg.execing = t;
                    for (Task other : tg.tasks) {
                        if (other != t) {
                            SignalSender.killLocked(other);
                        }
                    }
                    if (tg.activeTasks > 1) {
                        GroupStop.beginInternalStopLocked(t, TaskStop.EXEC);
                    }
                }
            } finally {
                mu.unlock();
            }
        } finally {
            set.mu.unlock();
        }
        if (refused) {
            release(program);
            throw Errno.EINTR.exception(); // never seen: the task is being killed
        }
        return new RunExecAfterSiblings(program, credentials, comm);
    }

    static void release(LoadedProgram program) {
        program.memory().decUsers();
        program.executable().decRef();
    }

    /** The others are gone; true if the exec goes on, false if the task was killed meanwhile. */
    static boolean takeOver(Task t) {
        ThreadGroup tg = t.tg;
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            RankedLock mu = tg.signalHandlers.mu;
            boolean killed;
            mu.lock();
            try {
                killed = t.signals.killedLocked() || tg.exiting;
                tg.execing = null;
            } finally {
                mu.unlock();
            }
            if (killed) {
                return false;
            }
            promoteLocked(t);
            tg.signalHandlers = tg.signalHandlers.forExec();
            tg.execed = true;
            tg.barrierRegistered = false;
            tg.terminationSignal = tg.terminationSignal == 0 ? 0 : Signal.SIGCHLD;
            return true;
        } finally {
            set.mu.unlock();
        }
    }

    /** A thread that is not the leader takes the leader's place and id (de_thread). */
    private static void promoteLocked(Task t) {
        ThreadGroup tg = t.tg;
        Task old = tg.leader;
        if (old == t) {
            return;
        }
        for (PidNamespace ns = tg.pidns; ns != null; ns = ns.parent) {
            int tid = ns.tidOfLocked(old);
            ns.removeLocked(t);
            ns.removeLocked(old);
            ns.addLocked(old, -1 - tid); // a place of its own until it is forgotten below
            ns.addLocked(t, tid);
        }
        t.tid = old.tid;
        t.parentThread = old.parentThread;
        tg.leader = t;
        TaskExit.reapTaskLocked(old);
    }

    /** The new program takes the place of the old one. */
    static void replaceImage(Task t, LoadedProgram program, Credentials credentials, byte[] comm) {
        boolean privileged = credentials.euid() != t.credentials().euid()
                || credentials.egid() != t.credentials().egid()
                || credentials.permitted() != t.credentials().permitted();
        if (privileged) {
            // Before anyone can see the new program with the old credentials.
            t.tg.dumpable = 0;
        }
        TaskExit.releaseMemory(t);
        t.setMemoryManager(program.memory());
        t.memoryShared = false;
        @Nullable FileDescription oldExecutable = t.executable();
        t.setExecutable(program.executable());
        if (oldExecutable != null) {
            oldExecutable.decRef();
        }
        t.fdTable().closeOnExec();
        t.signals.resetAltStack();
        t.restartBlock = null;
        t.restartCode = 0;
        t.inSyscallReturn = false;
        t.setCredentials(credentials);
        t.tg.dumpable = privileged ? 0 : 1;
        if (privileged) {
            t.parentDeathSignal = 0;
        }
        t.setComm(comm);
        Registers r = t.registers();
        r.set(new Registers());
        r.rip = program.entry();
        r.rsp = program.stackPointer();
        t.context.resetFpu();
    }
}
