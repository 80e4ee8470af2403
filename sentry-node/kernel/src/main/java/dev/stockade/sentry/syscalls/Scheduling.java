package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;
import java.util.ArrayList;
import java.util.List;

/** Scheduling: affinity, policies, niceness. What is set is kept and reported; the host schedules all tasks alike. */
final class Scheduling {
    private Scheduling() {}

    private static final int SCHED_OTHER = 0;
    private static final int SCHED_FIFO = 1;
    private static final int SCHED_RR = 2;
    private static final int SCHED_BATCH = 3;
    private static final int SCHED_IDLE = 5;
    private static final int SCHED_RESET_ON_FORK = 0x40000000;

    static long sched_yield(Task t, SyscallArgs a) {
        Thread.yield();
        return 0;
    }

    private static Task target(Task t, int pid) throws ErrnoException {
        if (pid < 0) {
            throw Errno.EINVAL.exception();
        }
        Task target = pid == 0 ? t : t.pidNamespace().task(pid);
        if (target == null) {
            throw Errno.ESRCH.exception();
        }
        return target;
    }

    private static void checkOwner(Task t, Task target) throws ErrnoException {
        Credentials a = t.credentials();
        Credentials b = target.credentials();
        if (a.euid() != b.euid() && a.euid() != b.ruid() && !a.hasCapability(Capability.CAP_SYS_NICE)) {
            throw Errno.EPERM.exception();
        }
    }

    static long sched_getaffinity(Task t, SyscallArgs a) throws ErrnoException {
        long length = a.longAt(1) & 0xffffffffL;
        if (length < 8 || (length & 7) != 0) {
            throw Errno.EINVAL.exception();
        }
        t.memoryManager()
                .writeLong(
                        a.longAt(2),
                        target(t, a.intAt(0)).affinity() & t.kernel().allCpus());
        return 8;
    }

    static long sched_setaffinity(Task t, SyscallArgs a) throws ErrnoException {
        long length = Math.min(a.longAt(1) & 0xffffffffL, 8);
        byte[] raw = new byte[(int) length];
        t.memoryManager().copyIn(a.longAt(2), raw);
        Task target = target(t, a.intAt(0));
        checkOwner(t, target);
        long mask = 0;
        for (int i = 0; i < raw.length; i++) {
            mask |= (raw[i] & 0xffL) << (8 * i);
        }
        mask &= t.kernel().allCpus();
        if (mask == 0) {
            throw Errno.EINVAL.exception();
        }
        target.setAffinity(mask);
        return 0;
    }

    static long sched_getparam(Task t, SyscallArgs a) throws ErrnoException {
        int priority = target(t, a.intAt(0)).schedPriority();
        t.memoryManager().writeInt(a.longAt(1), priority);
        return 0;
    }

    static long sched_setparam(Task t, SyscallArgs a) throws ErrnoException {
        Task target = target(t, a.intAt(0));
        return setScheduler(t, target, target.schedPolicy(), t.memoryManager().readInt(a.longAt(1)));
    }

    static long sched_getscheduler(Task t, SyscallArgs a) throws ErrnoException {
        return target(t, a.intAt(0)).schedPolicy();
    }

    static long sched_setscheduler(Task t, SyscallArgs a) throws ErrnoException {
        Task target = target(t, a.intAt(0));
        return setScheduler(
                t, target, a.intAt(1) & ~SCHED_RESET_ON_FORK, t.memoryManager().readInt(a.longAt(2)));
    }

    private static long setScheduler(Task t, Task target, int policy, int priority) throws ErrnoException {
        boolean realTime = policy == SCHED_FIFO || policy == SCHED_RR;
        boolean normal = policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
        if ((!realTime && !normal) || (normal && priority != 0) || (realTime && (priority < 1 || priority > 99))) {
            throw Errno.EINVAL.exception();
        }
        checkOwner(t, target);
        if (realTime && !t.credentials().hasCapability(Capability.CAP_SYS_NICE)) {
            throw Errno.EPERM.exception();
        }
        target.setScheduler(policy, priority);
        return 0;
    }

    static long sched_get_priority_max(Task t, SyscallArgs a) throws ErrnoException {
        return priorityBound(a.intAt(0), 99);
    }

    static long sched_get_priority_min(Task t, SyscallArgs a) throws ErrnoException {
        return priorityBound(a.intAt(0), 1);
    }

    private static long priorityBound(int policy, int bound) throws ErrnoException {
        return switch (policy) {
            case SCHED_FIFO, SCHED_RR -> bound;
            case SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, 6 -> 0;
            default -> throw Errno.EINVAL.exception();
        };
    }

    static long sched_rr_get_interval(Task t, SyscallArgs a) throws ErrnoException {
        int policy = target(t, a.intAt(0)).schedPolicy();
        GuestTime.writeTimespec(
                t.memoryManager(),
                a.longAt(1),
                policy == SCHED_FIFO ? 0 : policy == SCHED_RR ? 100_000_000 : 4_000_000);
        return 0;
    }

    static long getcpu(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        int cpu = Long.numberOfTrailingZeros(t.affinity() & t.kernel().allCpus());
        if (a.longAt(0) != 0) {
            mm.writeInt(a.longAt(0), cpu & 63);
        }
        if (a.longAt(1) != 0) {
            mm.writeInt(a.longAt(1), 0);
        }
        return 0;
    }

    private static final int PRIO_PROCESS = 0;
    private static final int PRIO_PGRP = 1;
    private static final int PRIO_USER = 2;

    private static List<Task> byPriorityTarget(Task t, int which, int who) throws ErrnoException {
        List<Task> found = new ArrayList<>();
        switch (which) {
            case PRIO_PROCESS -> {
                Task target = who == 0 ? t : t.pidNamespace().task(who);
                if (target != null) {
                    found.add(target);
                }
            }
            case PRIO_PGRP -> {
                int id = who == 0 ? t.threadGroup().processGroup().id() : who;
                for (Task o : t.kernel().tasks().tasks()) {
                    if (o.threadGroup().processGroup().id() == id) {
                        found.add(o);
                    }
                }
            }
            case PRIO_USER -> {
                int uid = who == 0 ? t.credentials().ruid() : who;
                for (Task o : t.kernel().tasks().tasks()) {
                    if (o.credentials().ruid() == uid) {
                        found.add(o);
                    }
                }
            }
            default -> throw Errno.EINVAL.exception();
        }
        if (found.isEmpty()) {
            throw Errno.ESRCH.exception();
        }
        return found;
    }

    static long getpriority(Task t, SyscallArgs a) throws ErrnoException {
        int best = 19;
        for (Task o : byPriorityTarget(t, a.intAt(0), a.intAt(1))) {
            best = Math.min(best, o.niceness());
        }
        return 20L - best; // 40..1, so that no value looks like an error
    }

    static long setpriority(Task t, SyscallArgs a) throws ErrnoException {
        int nice = Math.clamp(a.intAt(2), -20, 19);
        for (Task o : byPriorityTarget(t, a.intAt(0), a.intAt(1))) {
            checkOwner(t, o);
            if (nice < o.niceness() && !t.credentials().hasCapability(Capability.CAP_SYS_NICE)) {
                throw Errno.EACCES.exception();
            }
            o.setNiceness(nice);
        }
        return 0;
    }
}
