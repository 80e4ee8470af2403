package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.mm.MemoryManager;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How tasks and processes end (kernel/exit.c). */
public final class TaskExit {
    private TaskExit() {}

    /** exit(2): this task alone. */
    public static RunState exit(Task t, int code) {
        RankedLock mu = t.tg.signalHandlers.mu;
        mu.lock();
        try {
            t.exitStatus = WaitStatus.exited(code);
        } finally {
            mu.unlock();
        }
        return RunExit.INSTANCE;
    }

    /** exit_group(2). */
    public static RunState exitGroup(Task t, int code) {
        prepareGroupExit(t, WaitStatus.exited(code));
        return RunExit.INSTANCE;
    }

    /** Ends the task's whole group with this status, unless another end has already begun. */
    static void prepareGroupExit(Task t, WaitStatus status) {
        ThreadGroup tg = t.tg;
        RankedLock tasks = t.kernel.tasks().mu;
        tasks.lock();
        try {
            RankedLock mu = tg.signalHandlers.mu;
            mu.lock();
            try {
                if (tg.exiting || (tg.execing != null && tg.execing != t)) {
                    t.exitStatus = tg.exitStatus;
                    return;
                }
                SignalSender.killGroupLocked(tg, status);
                t.exitStatus = status;
            } finally {
                mu.unlock();
            }
        } finally {
            tasks.unlock();
        }
    }

    /** Gives up everything that an exiting task holds; true if it must wait for its namespace to be empty. */
    static void releaseResources(Task t) {
        boolean last = leaveThreadGroup(t);
        if (last) {
            t.tg.realTimer.destroy();
            t.tg.cpuTimers.destroy();
        }
        releaseMemory(t);
        t.fdTable().decUsers();
        if (t.executable() != null) {
            t.executable().decRef();
            t.setExecutable(null);
        }
        parentDeath(t);
        if (last) {
            abandonChildren(t);
        }
    }

    /** Returns whether it was the last live task of its group. */
    private static boolean leaveThreadGroup(Task t) {
        ThreadGroup tg = t.tg;
        boolean last;
        boolean notify = false;
        int stopSignal = 0;
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            RankedLock mu = tg.signalHandlers.mu;
            mu.lock();
            try {
                t.exitState = TaskExitState.INITIATED;
                if (t.groupStopPending) {
                    stopSignal = tg.groupStopSignal;
                    notify = GroupStop.participateLocked(t);
                }
                last = --tg.liveTasks == 0;
                if (last) {
                    tg.statusFromLeader = !tg.exiting;
                    tg.exiting = true;
                } else {
                    // Someone else has to take what this task was woken for.
                    long waiting = tg.pending.set() & ~t.signals.mask();
                    if (waiting != 0) {
                        SignalSender.retargetLocked(tg, waiting, t);
                    }
                }
            } finally {
                mu.unlock();
            }
            // Nobody interrupts a task that exits; what was meant for its system call is over.
            Thread.interrupted();
            tg.maxResident = Math.max(tg.maxResident, residentPeak(t));
        } finally {
            set.mu.unlock();
        }
        if (notify && !last) {
            GroupStop.notifyParent(t, Signal.CLD_STOPPED, stopSignal);
        }
        return last;
    }

    static long residentPeak(Task t) {
        MemoryManager mm = t.memoryManager();
        if (!mm.tryIncUsers()) {
            return 0;
        }
        try {
            return mm.usage().peakResident();
        } finally {
            mm.decUsers();
        }
    }

    /** Leaves the address space, on exit or execve: robust futexes, clear_child_tid, the vfork parent (mm_release). */
    static void releaseMemory(Task t) {
        MemoryManager mm = t.memoryManager();
        RobustFutexes.exit(t);
        if (t.clearTid != 0 && t.memoryShared) {
            try {
                mm.writeInt(t.clearTid, 0);
                t.kernel.futexes().wake(mm.futexLocation(t.clearTid, true), 1, -1);
                t.kernel.futexes().wake(mm.futexLocation(t.clearTid, false), 1, -1);
            } catch (ErrnoException e) {
                // As in Linux, a bad address is the program's own loss.
            }
        }
        t.clearTid = 0;
        mm.decUsers();
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Task parent = t.vforkParent;
            t.vforkParent = null;
            if (parent != null) {
                RankedLock mu = parent.tg.signalHandlers.mu;
                mu.lock();
                try {
                    if (parent.stop == TaskStop.VFORK) {
                        GroupStop.endInternalStopLocked(parent);
                    }
                } finally {
                    mu.unlock();
                }
            }
        } finally {
            set.mu.unlock();
        }
    }

    /** Children that asked for it (PR_SET_PDEATHSIG) learn that the thread that made them is gone. */
    private static void parentDeath(Task t) {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            for (ThreadGroup child : List.copyOf(t.tg.children)) {
                if (child.leader.parentThread != t) {
                    continue;
                }
                child.leader.parentThread = t.tg.tasks.stream()
                        .filter(o -> o != t && o.exitState == TaskExitState.ALIVE)
                        .findFirst()
                        .orElse(null);
                for (Task member : child.tasks) {
                    int signal = member.parentDeathSignal;
                    if (signal != 0 && member.exitState == TaskExitState.ALIVE) {
                        try {
                            SignalSender.sendLocked(
                                    child.leader, SigInfo.user(signal, Signal.SI_USER, 0, 0), true, false);
                        } catch (ErrnoException e) {
                            // gone meanwhile
                        }
                    }
                }
            }
        } finally {
            set.mu.unlock();
        }
    }

    /** The group is gone: its children get another parent; an init takes its whole namespace with it. */
    private static void abandonChildren(Task t) {
        ThreadGroup tg = t.tg;
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            List<ProcessGroup> maybeOrphaned = new ArrayList<>();
            maybeOrphaned.add(tg.processGroup);
            if (tg.isInit()) {
                tg.pidns.exiting = true;
                for (Task other : tg.pidns.tasksLocked()) {
                    if (other.tg != tg) {
                        set.killLocked(other.tg);
                    }
                }
            }
            ThreadGroup heir = tg.isInit() ? null : reaperLocked(tg);
            for (ThreadGroup child : List.copyOf(tg.children)) {
                tg.children.remove(child);
                child.parent = heir;
                if (child.processGroup != tg.processGroup) {
                    maybeOrphaned.add(child.processGroup);
                }
                if (heir != null) {
                    heir.children.add(child);
                    child.leader.parentThread = heir.leader;
                    child.terminationSignal = Signal.SIGCHLD;
                }
                if (child.parentNotified && child.exitedLocked()) {
                    // A zombie: the new parent has to learn of it, or nobody will.
                    child.parentNotified = false;
                    exitNotifyLocked(child.leader);
                }
            }
            for (ProcessGroup pg : maybeOrphaned) {
                hangUpIfOrphanedLocked(pg, tg);
            }
            leaveSessionLocked(tg);
            if (tg.isInit() && set.othersInLocked(tg.pidns, tg)) {
                RankedLock mu = tg.signalHandlers.mu;
                mu.lock();
                try {
                    GroupStop.beginInternalStopLocked(t, TaskStop.INIT_EXIT);
                } finally {
                    mu.unlock();
                }
            }
        } finally {
            set.mu.unlock();
        }
    }

    /** Who takes over the children: the nearest child subreaper above, else the namespace's init; null if none lives. */
    private static @Nullable ThreadGroup reaperLocked(ThreadGroup tg) {
        for (ThreadGroup a = tg.parent; a != null && a.pidns == tg.pidns; a = a.parent) {
            if (a.isInit() || (a.childSubreaper && !a.exitedLocked() && !a.exiting)) {
                return a;
            }
        }
        ThreadGroup init = tg.pidns.init;
        return init == null || init.exitedLocked() ? null : init;
    }

    private static void hangUpIfOrphanedLocked(ProcessGroup pg, ThreadGroup leaving) {
        if (pg.isOrphanedLocked(leaving) && pg.hasStoppedMemberLocked()) {
            SignalSender.sendToProcessGroupLocked(pg, SigInfo.kernel(Signal.SIGHUP));
            SignalSender.sendToProcessGroupLocked(pg, SigInfo.kernel(Signal.SIGCONT));
        }
    }

    private static void leaveSessionLocked(ThreadGroup tg) {
        Session session = tg.processGroup.session;
        if (session.leader != tg) {
            return;
        }
        session.leader = null;
        ProcessGroup foreground = session.foreground;
        if (session.controllingTerminal != null && foreground != null) {
            SignalSender.sendToProcessGroupLocked(foreground, SigInfo.kernel(Signal.SIGHUP));
            SignalSender.sendToProcessGroupLocked(foreground, SigInfo.kernel(Signal.SIGCONT));
        }
        session.controllingTerminal = null;
        session.foreground = null;
    }

    /** The task becomes a zombie. */
    static void becomeZombie(Task t) {
        ThreadGroup tg = t.tg;
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            t.exitState = TaskExitState.ZOMBIE;
            tg.activeTasks--;
            tg.exitedUsage = tg.exitedUsage.plus(t.accounting.usage());
            if (tg.activeTasks == 0) {
                RankedLock mu = tg.signalHandlers.mu;
                mu.lock();
                try {
                    if (tg.statusFromLeader) {
                        tg.exitStatus = tg.leader.exitStatus;
                    }
                } finally {
                    mu.unlock();
                }
            }
            Task execing = tg.execing;
            if (execing != null && tg.activeTasks == 1 && execing.exitState == TaskExitState.ALIVE) {
                RankedLock mu = tg.signalHandlers.mu;
                mu.lock();
                try {
                    if (execing.stop == TaskStop.EXEC) {
                        GroupStop.endInternalStopLocked(execing);
                    }
                } finally {
                    mu.unlock();
                }
            }
            exitNotifyLocked(t);
        } finally {
            set.mu.unlock();
        }
    }

    /** Tells whoever waits for {@code t}, or lets it go if nobody does. With TaskSet.mu held. */
    static void exitNotifyLocked(Task t) {
        ThreadGroup tg = t.tg;
        if (t != tg.leader) {
            reapTaskLocked(t);
            if (tg.tasks.size() == 1 && tg.leader.exitState == TaskExitState.ZOMBIE && !tg.parentNotified) {
                exitNotifyLocked(tg.leader);
            }
            return;
        }
        if (tg.tasks.size() > 1 || tg.execing != null || t.exitState != TaskExitState.ZOMBIE) {
            return; // the last of the others comes here again
        }
        tg.parentNotified = true;
        ThreadGroup parent = tg.parent;
        if (parent == null || parent.exitedLocked()) {
            reapGroupLocked(tg, null);
            return;
        }
        if (!notifyParentLocked(tg, parent)) {
            reapGroupLocked(tg, null);
        }
        parent.childEvents.notifyWaiters(1);
    }

    /** False if the parent does not want to wait for it. */
    private static boolean notifyParentLocked(ThreadGroup tg, ThreadGroup parent) {
        boolean wanted = true;
        SignalHandlers handlers = parent.signalHandlers;
        handlers.mu.lock();
        try {
            int signal = tg.terminationSignal;
            if (parent.exiting && parent.isInit()) {
                return false;
            }
            if (signal == Signal.SIGCHLD) {
                SignalAction action = handlers.getLocked(signal);
                if (action.isIgnore() || action.has(Signal.SA_NOCLDWAIT)) {
                    wanted = false;
                    if (action.isIgnore()) {
                        signal = 0;
                    }
                }
            }
            if (signal != 0) {
                SignalSender.sendSignalLocked(parent.leader, exitInfoLocked(tg, parent, signal), true, false);
            }
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ESRCH) {
                return false;
            }
        } finally {
            handlers.mu.unlock();
        }
        return wanted;
    }

    /** What SIGCHLD and waitid(2) say of a group that is gone. */
    static SigInfo exitInfoLocked(ThreadGroup tg, ThreadGroup parent, int signal) {
        CpuUsage usage = tg.usageLocked();
        WaitStatus status = tg.exitStatus;
        return SigInfo.child(
                signal,
                status.signaled() ? Signal.CLD_KILLED : Signal.CLD_EXITED,
                parent.pidns.pidOfLocked(tg),
                tg.leader.credentials().ruid(),
                status.signaled() ? status.signal() : status.exitCode(),
                CpuUsage.ticks(usage.userNs()),
                CpuUsage.ticks(usage.systemNs()));
    }

    /** A task that nobody waits for any more disappears. */
    static void reapTaskLocked(Task t) {
        t.exitState = TaskExitState.DEAD;
        t.tg.tasks.remove(t);
        t.kernel.tasks().forgetLocked(t);
    }

    /**
     * A group whose tasks are all zombies disappears.
     *
     * @param parent who waited for it and takes its usage into account, or null
     */
    static void reapGroupLocked(ThreadGroup tg, @Nullable ThreadGroup parent) {
        if (parent != null) {
            parent.childUsage = parent.childUsage.plus(tg.exitedUsage).plus(tg.childUsage);
            parent.childMaxResident = Math.max(parent.childMaxResident, Math.max(tg.maxResident, tg.childMaxResident));
        }
        ThreadGroup own = tg.parent;
        if (own != null) {
            own.children.remove(tg);
        }
        tg.leader.exitState = TaskExitState.DEAD;
        tg.kernel.tasks().leaveProcessGroupLocked(tg);
        tg.tasks.remove(tg.leader);
        tg.kernel.tasks().forgetLocked(tg.leader);
    }

    /** After a failure of the kernel's own code: the task counts as gone so that the others can end. */
    static void abandon(Task t) {
        TaskSet set = t.kernel.tasks();
        boolean wasAlive;
        set.mu.lock();
        try {
            if (t.exitState == TaskExitState.DEAD || t.exitState == TaskExitState.ZOMBIE) {
                return;
            }
            wasAlive = t.exitState == TaskExitState.ALIVE;
            if (wasAlive) {
                t.tg.liveTasks--;
                t.exitState = TaskExitState.INITIATED;
            }
        } finally {
            set.mu.unlock();
        }
        if (wasAlive) {
            // Whoever reads from its pipes shall not wait for ever.
            t.fdTable().decUsers();
        }
        becomeZombie(t);
    }
}
