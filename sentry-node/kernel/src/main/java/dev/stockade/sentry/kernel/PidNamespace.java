package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A PID namespace (pid_namespaces(7)). A task has an id in its own namespace and in each of its ancestors. Every field
 * that changes is guarded by TaskSet.mu.
 */
public final class PidNamespace {
    /** Linux's default of /proc/sys/kernel/pid_max. */
    public static final int PID_MAX = 32768;

    static final int INIT_TID = 1;

    /** MAX_PID_NS_LEVEL. */
    static final int MAX_DEPTH = 32;

    final TaskSet owner;
    final @Nullable PidNamespace parent;

    private final TreeMap<Integer, Task> tasks = new TreeMap<>();
    private final IdentityHashMap<Task, Integer> tids = new IdentityHashMap<>();
    final Map<Integer, ProcessGroup> processGroups = new HashMap<>();
    final Map<Integer, Session> sessions = new HashMap<>();
    private int last;

    /** The thread group of task 1; null before and after it lives. */
    @Nullable
    ThreadGroup init;

    /** Its init is gone or going: no more processes. */
    boolean exiting;

    PidNamespace(TaskSet owner, @Nullable PidNamespace parent) {
        this.owner = owner;
        this.parent = parent;
    }

    /** An id that no task, process group or session has. */
    int allocateTidLocked() throws ErrnoException {
        if (exiting) {
            // pid_namespaces(7): fork fails with ENOMEM once the init process has terminated.
            throw Errno.ENOMEM.exception();
        }
        int tid = last;
        for (int i = 0; i < PID_MAX; i++) {
            tid = tid >= PID_MAX ? INIT_TID + 1 : tid + 1;
            if (!tasks.containsKey(tid) && !processGroups.containsKey(tid) && !sessions.containsKey(tid)) {
                last = tid;
                return tid;
            }
        }
        throw Errno.EAGAIN.exception();
    }

    void addLocked(Task t, int tid) {
        tasks.put(tid, t);
        tids.put(t, tid);
    }

    void removeLocked(Task t) {
        Integer tid = tids.remove(t);
        if (tid != null) {
            tasks.remove(tid);
        }
    }

    int taskCountLocked() {
        return tasks.size();
    }

    Iterable<Task> tasksLocked() {
        return new ArrayList<>(tasks.values());
    }

    @Nullable
    Task taskLocked(int tid) {
        return tasks.get(tid);
    }

    /** 0 if {@code t} is not visible here. */
    int tidOfLocked(Task t) {
        Integer tid = tids.get(t);
        return tid == null ? 0 : tid;
    }

    /** The id of a thread group here, 0 if it is not visible. */
    int pidOfLocked(ThreadGroup tg) {
        return tidOfLocked(tg.leader);
    }

    /** The thread group whose leader has this id; null if it is another task's or nobody's. */
    @Nullable
    ThreadGroup threadGroupLocked(int pid) {
        Task t = tasks.get(pid);
        return t != null && t.tg.leader == t ? t.tg : null;
    }

    // ---- for the file systems and system calls

    /** The task with this id here. */
    public @Nullable Task task(int tid) {
        owner.mu.lock();
        try {
            return taskLocked(tid);
        } finally {
            owner.mu.unlock();
        }
    }

    /** The thread group with this id here, zombies included. */
    public @Nullable ThreadGroup threadGroup(int pid) {
        owner.mu.lock();
        try {
            return threadGroupLocked(pid);
        } finally {
            owner.mu.unlock();
        }
    }

    /** All thread groups, by ascending id. */
    public List<ThreadGroup> threadGroups() {
        owner.mu.lock();
        try {
            List<ThreadGroup> groups = new ArrayList<>();
            for (Task t : tasks.values()) {
                if (t.tg.leader == t) {
                    groups.add(t.tg);
                }
            }
            return groups;
        } finally {
            owner.mu.unlock();
        }
    }

    /** The id of {@code t} here, 0 if it is not visible or gone. */
    public int tidOf(Task t) {
        owner.mu.lock();
        try {
            return tidOfLocked(t);
        } finally {
            owner.mu.unlock();
        }
    }

    /** The id of {@code tg} here, 0 if it is not visible or gone. */
    public int pidOf(@Nullable ThreadGroup tg) {
        if (tg == null) {
            return 0;
        }
        owner.mu.lock();
        try {
            return pidOfLocked(tg);
        } finally {
            owner.mu.unlock();
        }
    }

    /** The most recently given id (/proc/loadavg). */
    public int lastPid() {
        owner.mu.lock();
        try {
            return last;
        } finally {
            owner.mu.unlock();
        }
    }

    /** How many ancestors it has. */
    int depth() {
        int depth = 0;
        for (PidNamespace n = parent; n != null; n = n.parent) {
            depth++;
        }
        return depth;
    }
}
