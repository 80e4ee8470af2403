package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import org.jspecify.annotations.Nullable;

/** All tasks of a kernel and how they hang together. */
public final class TaskSet {
    final Kernel kernel;
    final RankedLock mu = new RankedLock(RankedLock.Rank.TASK_SET);
    final PidNamespace root;

    /** Signalled when a task thread ended. */
    private final Condition threadEnded = mu.newCondition();

    // ---- Guarded by mu

    private int threads;

    /** Threads that have reported their end and have a few instructions left. */
    private final List<Thread> ending = new ArrayList<>();

    private int taskCount;
    private int externalStops;
    private boolean closed;
    private long nextSerial;
    private long forks;

    TaskSet(Kernel kernel) {
        this.kernel = kernel;
        this.root = new PidNamespace(this, null);
    }

    public PidNamespace root() {
        return root;
    }

    /** Makes a task visible; the caller starts it. Takes over {@code parts} if it succeeds. */
    Task add(
            ThreadGroup tg, TaskParts parts, @Nullable ThreadGroup parent, @Nullable Task parentThread, boolean started)
            throws ErrnoException {
        KernelConfig config = kernel.config();
        if (!config.budget().tryAcquire()) {
            throw Errno.EAGAIN.exception();
        }
        Task t = null;
        boolean done = false;
        try {
            long serial;
            mu.lock();
            try {
                checkRoomLocked();
                serial = nextSerial++;
            } finally {
                mu.unlock();
            }
            t = new Task(kernel, tg, parts, serial);
            mu.lock();
            try {
                insertLocked(t, tg, parent, parentThread);
                if (started) {
                    threads++;
                }
                done = true;
                return t;
            } finally {
                mu.unlock();
            }
        } finally {
            if (!done) {
                config.budget().release();
                if (t != null) {
                    t.context.close();
                    kernel.releaseUser(t.credentials().ruid(), t.userCounters);
                }
            }
        }
    }

    private void checkRoomLocked() throws ErrnoException {
        if (closed || taskCount >= kernel.config().maxTasks()) {
            throw Errno.EAGAIN.exception();
        }
    }

    private void insertLocked(Task t, ThreadGroup tg, @Nullable ThreadGroup parent, @Nullable Task parentThread)
            throws ErrnoException {
        checkRoomLocked();
        boolean leader = tg.tasks.isEmpty();
        RankedLock signal = tg.signalHandlers.mu;
        signal.lock();
        try {
            if (tg.exiting || tg.execing != null) {
                // The caller is about to be killed: what it gets does not matter.
                throw Errno.EINTR.exception();
            }
            if (leader && parent != null && parent.exiting) {
                throw Errno.EINTR.exception();
            }
            assignTidsLocked(t);
            t.stopCount.set(externalStops);
            tg.tasks.add(t);
            tg.liveTasks++;
            tg.activeTasks++;
        } finally {
            signal.unlock();
        }
        taskCount++;
        forks++;
        if (!leader) {
            return;
        }
        tg.leader = t;
        tg.pid = t.tid;
        t.parentThread = parentThread;
        if (t.tid == PidNamespace.INIT_TID && tg.pidns.init == null) {
            tg.pidns.init = tg;
            tg.unkillable = true;
        }
        if (parent == null) {
            joinNewSessionLocked(tg);
        } else {
            tg.parent = parent;
            parent.children.add(tg);
            tg.processGroup = parent.processGroup;
            tg.processGroup.members.add(tg);
        }
    }

    private void assignTidsLocked(Task t) throws ErrnoException {
        List<PidNamespace> assigned = new ArrayList<>(1);
        boolean done = false;
        try {
            for (PidNamespace ns = t.tg.pidns; ns != null; ns = ns.parent) {
                int tid = ns.allocateTidLocked();
                ns.addLocked(t, tid);
                assigned.add(ns);
                if (ns == t.tg.pidns) {
                    t.tid = tid;
                }
            }
            done = true;
        } finally {
            if (!done) {
                for (PidNamespace ns : assigned) {
                    ns.removeLocked(t);
                }
            }
        }
    }

    /** A task is gone for good: its ids are free. */
    void forgetLocked(Task t) {
        for (PidNamespace ns = t.tg.pidns; ns != null; ns = ns.parent) {
            ns.removeLocked(t);
        }
        taskCount--;
        kernel.releaseUser(t.credentials().ruid(), t.userCounters);
        ThreadGroup init = t.tg.pidns.init;
        if (init != null && init != t.tg && init.exiting && !othersInLocked(t.tg.pidns, init)) {
            RankedLock signal = init.signalHandlers.mu;
            signal.lock();
            try {
                for (Task i : init.tasks) {
                    if (i.stop == TaskStop.INIT_EXIT) {
                        GroupStop.endInternalStopLocked(i);
                    }
                }
            } finally {
                signal.unlock();
            }
        }
    }

    /** Whether the namespace has tasks of other groups. */
    boolean othersInLocked(PidNamespace ns, ThreadGroup tg) {
        return ns.taskCountLocked() > tg.tasks.size();
    }

    /** SIGKILL that no one can refuse. With {@link #mu} held. */
    void killLocked(ThreadGroup tg) {
        RankedLock signal = tg.signalHandlers.mu;
        signal.lock();
        try {
            SignalSender.killGroupLocked(tg, WaitStatus.killed(Signal.SIGKILL));
        } finally {
            signal.unlock();
        }
    }

    // ---- Sessions and process groups, with mu held

    void joinNewSessionLocked(ThreadGroup tg) {
        Session session = new Session(tg.pidns, tg.pid, tg);
        tg.pidns.sessions.put(session.id, session);
        joinNewProcessGroupLocked(tg, session);
    }

    void joinNewProcessGroupLocked(ThreadGroup tg, Session session) {
        ProcessGroup pg = new ProcessGroup(tg.pid, session);
        session.pidns.processGroups.put(pg.id, pg);
        session.processGroups++;
        moveLocked(tg, pg);
    }

    void moveLocked(ThreadGroup tg, ProcessGroup pg) {
        pg.members.add(tg); // first, so that a session with one group is not forgotten in between
        leaveProcessGroupLocked(tg);
        tg.processGroup = pg;
    }

    void leaveProcessGroupLocked(ThreadGroup tg) {
        ProcessGroup old = tg.processGroup;
        if (old == null) {
            return;
        }
        old.members.remove(tg);
        if (old.members.isEmpty()) {
            Session session = old.session;
            session.pidns.processGroups.remove(old.id);
            if (session.foreground == old) {
                session.foreground = null;
            }
            if (--session.processGroups == 0) {
                session.pidns.sessions.remove(session.id);
            }
        }
    }

    // ---- Stops of everything

    /** Stops every task at its next state boundary; counted. */
    public void beginExternalStop() {
        mu.lock();
        try {
            externalStops++;
            forEachTask(GroupStop::beginExternalStopLocked);
        } finally {
            mu.unlock();
        }
    }

    /** Undoes one {@link #beginExternalStop}. */
    public void endExternalStop() {
        mu.lock();
        try {
            if (externalStops == 0) {
                return;
            }
            externalStops--;
            forEachTask(GroupStop::endOneStop);
        } finally {
            mu.unlock();
        }
    }

    private void forEachTask(java.util.function.Consumer<Task> action) {
        for (Task t : root.tasksLocked()) {
            RankedLock signal = t.tg.signalHandlers.mu;
            signal.lock();
            try {
                action.accept(t);
            } finally {
                signal.unlock();
            }
        }
    }

    /** Kills every task, ends external stops and allows no new ones. */
    void killAll() {
        mu.lock();
        try {
            closed = true;
            while (externalStops > 0) {
                externalStops--;
                forEachTask(GroupStop::endOneStop);
            }
            for (Task t : root.tasksLocked()) {
                killLocked(t.tg);
            }
        } finally {
            mu.unlock();
        }
    }

    // ---- Threads

    /** Called by a task thread as its last action. */
    void threadExited(Task t) {
        kernel.config().budget().release();
        boolean lastOfGroup;
        WaitStatus status;
        mu.lock();
        try {
            threads--;
            ending.removeIf(e -> !e.isAlive());
            if (t.isRunBy(Thread.currentThread())) {
                ending.add(Thread.currentThread());
            }
            lastOfGroup = t.tg.exitedLocked();
            status = t.tg.exitStatus;
            threadEnded.signalAll();
        } finally {
            mu.unlock();
        }
        if (lastOfGroup) {
            t.tg.exit.complete(status);
        }
    }

    /** Waits until no task thread is left; false if some are after the time given. */
    boolean awaitThreads(long timeoutNs) {
        List<Thread> last;
        mu.lock();
        try {
            long left = timeoutNs;
            while (threads > 0) {
                if (left <= 0) {
                    return false;
                }
                left = threadEnded.awaitNanos(left);
            }
            last = List.copyOf(ending);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            mu.unlock();
        }
        for (Thread t : last) {
            if (t != Thread.currentThread()) {
                try {
                    t.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
        }
        return true;
    }

    /** Tasks now, zombies included. */
    public int taskCount() {
        mu.lock();
        try {
            return taskCount;
        } finally {
            mu.unlock();
        }
    }

    /** Tasks made so far (/proc/stat's processes). */
    public long forks() {
        mu.lock();
        try {
            return forks;
        } finally {
            mu.unlock();
        }
    }

    /** All tasks of the root namespace, by ascending id. */
    public List<Task> tasks() {
        mu.lock();
        try {
            List<Task> all = new ArrayList<>();
            root.tasksLocked().forEach(all::add);
            return all;
        } finally {
            mu.unlock();
        }
    }
}
