package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.auth.Credentials;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Whom kill(2) and its relatives mean, and whether the caller may. */
public final class SignalTargets {
    private SignalTargets() {}

    /**
     * kill(2).
     *
     * @param pid as kill takes it: a process, 0, -1, or a negated process group
     */
    public static void kill(Task t, int pid, int signal) throws ErrnoException {
        checkNumber(signal);
        TaskSet set = t.kernel.tasks();
        PidNamespace ns = t.tg.pidns;
        set.mu.lock();
        try {
            if (pid > 0) {
                Task target = ns.taskLocked(pid);
                if (target == null) {
                    throw Errno.ESRCH.exception();
                }
                sendLocked(t, target.tg.leader, signal, info(t, target.tg.pidns, signal, Signal.SI_USER), true);
                return;
            }
            if (pid == -1) {
                boolean any = false;
                Errno failure = null;
                for (Task target : ns.tasksLocked()) {
                    if (target.tg.leader != target || target.tg == t.tg || target.tg.isInit()) {
                        continue;
                    }
                    any = true;
                    failure = trySendLocked(t, target, signal, failure);
                }
                if (!any) {
                    throw Errno.ESRCH.exception();
                }
                return;
            }
            ProcessGroup pg =
                    pid == 0 ? t.tg.processGroup : pid == Integer.MIN_VALUE ? null : ns.processGroups.get(-pid);
            if (pg == null) {
                throw Errno.ESRCH.exception();
            }
            sendToProcessGroupLocked(t, pg, signal);
        } finally {
            set.mu.unlock();
        }
    }

    private static void sendToProcessGroupLocked(Task t, ProcessGroup pg, int signal) throws ErrnoException {
        boolean success = false;
        Errno failure = Errno.ESRCH;
        for (ThreadGroup member : List.copyOf(pg.members)) {
            @Nullable Errno e = trySendLocked(t, member.leader, signal, null);
            if (e == null) {
                success = true;
            } else {
                failure = e;
            }
        }
        if (!success) {
            throw failure.exception();
        }
    }

    private static @Nullable Errno trySendLocked(Task t, Task target, int signal, @Nullable Errno before) {
        try {
            sendLocked(t, target, signal, info(t, target.tg.pidns, signal, Signal.SI_USER), true);
            return before;
        } catch (ErrnoException e) {
            return e.errno();
        }
    }

    /**
     * tgkill(2) and tkill(2).
     *
     * @param tgid 0 for tkill
     */
    public static void tgkill(Task t, int tgid, int tid, int signal) throws ErrnoException {
        checkNumber(signal);
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Task target = t.tg.pidns.taskLocked(tid);
            if (target == null || (tgid != 0 && t.tg.pidns.pidOfLocked(target.tg) != tgid)) {
                throw Errno.ESRCH.exception();
            }
            sendLocked(t, target, signal, info(t, target.tg.pidns, signal, Signal.SI_TKILL), false);
        } finally {
            set.mu.unlock();
        }
    }

    /**
     * rt_sigqueueinfo(2) and rt_tgsigqueueinfo(2).
     *
     * @param tgid the group that {@code tid} must be in, or 0
     * @param raw siginfo as the caller made it
     */
    public static void queue(Task t, int tgid, int tid, int signal, byte[] raw, boolean toThread)
            throws ErrnoException {
        checkNumber(signal);
        SigInfo info = SigInfo.queued(signal, raw);
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Task target = t.tg.pidns.taskLocked(tid);
            if (target == null || (tgid != 0 && t.tg.pidns.pidOfLocked(target.tg) != tgid)) {
                throw Errno.ESRCH.exception();
            }
            // Nobody may forge a signal from the kernel or from kill.
            if ((info.code() >= 0 || info.code() == Signal.SI_TKILL) && target != t && target.tg != t.tg) {
                throw Errno.EPERM.exception();
            }
            sendLocked(t, toThread ? target : target.tg.leader, signal, info, !toThread);
        } finally {
            set.mu.unlock();
        }
    }

    private static void checkNumber(int signal) throws ErrnoException {
        if (signal < 0 || signal > Signal.SIGNAL_MAX) {
            throw Errno.EINVAL.exception();
        }
    }

    private static SigInfo info(Task t, PidNamespace receiver, int signal, int code) {
        return SigInfo.user(
                signal, code, receiver.pidOfLocked(t.tg), t.credentials().ruid());
    }

    private static void sendLocked(Task t, Task target, int signal, SigInfo info, boolean group) throws ErrnoException {
        if (!mayKill(t, target, signal)) {
            throw Errno.EPERM.exception();
        }
        if (signal == 0) {
            return;
        }
        boolean fromAbove = target.tg.pidns != t.tg.pidns;
        SignalSender.sendLocked(target, info, group, fromAbove);
    }

    /** check_kill_permission in kernel/signal.c. */
    private static boolean mayKill(Task t, Task target, int signal) {
        if (t.tg == target.tg) {
            return true;
        }
        Credentials a = t.credentials();
        Credentials b = target.credentials();
        return a.euid() == b.suid()
                || a.euid() == b.ruid()
                || a.ruid() == b.suid()
                || a.ruid() == b.ruid()
                || a.hasCapability(Capability.CAP_KILL)
                || (signal == Signal.SIGCONT && t.tg.processGroup.session == target.tg.processGroup.session);
    }

    /** SIGPIPE for a writer without a reader; the call then fails with EPIPE (write(2)). */
    public static void brokenPipe(Task t) {
        try {
            SignalSender.sendToTask(
                    t,
                    SigInfo.user(
                            Signal.SIGPIPE,
                            Signal.SI_USER,
                            t.tg.pid(),
                            t.credentials().ruid()));
        } catch (ErrnoException e) {
            throw new IllegalStateException("a task can always signal itself", e);
        }
    }
}
