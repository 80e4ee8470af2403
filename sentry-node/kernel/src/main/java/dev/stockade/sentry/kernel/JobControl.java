package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import org.jspecify.annotations.Nullable;

/** Sessions, process groups and the controlling terminal (credentials(7), tty_ioctl(4)). */
public final class JobControl {
    private JobControl() {}

    /** What a background process that touches its terminal does next. */
    public enum Access {
        /** It may. */
        GRANTED,
        /** EIO: the signal could stop nobody, or the group is orphaned. */
        DENIED,
        /** The group was signalled: the call is to be restarted (ERESTARTSYS). */
        SIGNALLED
    }

    /** setsid(2): returns the new session's id. */
    public static int setsid(Task t) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        ThreadGroup tg = t.tg;
        set.mu.lock();
        try {
            if (tg.pidns.processGroups.containsKey(tg.pid)) {
                throw Errno.EPERM.exception();
            }
            set.joinNewSessionLocked(tg);
            return tg.pid;
        } finally {
            set.mu.unlock();
        }
    }

    /** setpgid(2). */
    public static void setpgid(Task t, int pid, int pgid) throws ErrnoException {
        if (pgid < 0) {
            throw Errno.EINVAL.exception();
        }
        TaskSet set = t.kernel.tasks();
        PidNamespace ns = t.tg.pidns;
        set.mu.lock();
        try {
            ThreadGroup tg = pid == 0 ? t.tg : ns.threadGroupLocked(pid);
            if (tg == null) {
                throw (ns.taskLocked(pid) != null ? Errno.EINVAL : Errno.ESRCH).exception();
            }
            if (tg != t.tg) {
                if (tg.parent != t.tg) {
                    throw Errno.ESRCH.exception();
                }
                if (tg.processGroup.session != t.tg.processGroup.session) {
                    throw Errno.EPERM.exception();
                }
                if (tg.execed) {
                    throw Errno.EACCES.exception();
                }
            }
            Session session = tg.processGroup.session;
            if (session.leader == tg) {
                throw Errno.EPERM.exception();
            }
            int id = pgid == 0 ? ns.pidOfLocked(tg) : pgid;
            ProcessGroup target = ns.processGroups.get(id);
            if (target == null) {
                if (id != ns.pidOfLocked(tg)) {
                    throw Errno.EPERM.exception();
                }
                set.joinNewProcessGroupLocked(tg, session);
            } else if (target.session != session) {
                throw Errno.EPERM.exception();
            } else if (target != tg.processGroup) {
                set.moveLocked(tg, target);
            }
        } finally {
            set.mu.unlock();
        }
    }

    /** getpgid(2), or getsid(2) with {@code session}. */
    public static int getpgid(Task t, int pid, boolean session) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Task target = pid == 0 ? t : t.tg.pidns.taskLocked(pid);
            if (target == null) {
                throw Errno.ESRCH.exception();
            }
            ProcessGroup pg = target.tg.processGroup;
            return session ? pg.session.id : pg.id;
        } finally {
            set.mu.unlock();
        }
    }

    // ---- The controlling terminal: what terminals (above the kernel) ask for

    /** The terminal of the caller's session, or null. */
    public static @Nullable Object controllingTerminal(Task t) {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            return t.tg.processGroup.session.controllingTerminal;
        } finally {
            set.mu.unlock();
        }
    }

    /**
     * ioctl(TIOCSCTTY), and what open(2) does without O_NOCTTY.
     *
     * @param steal take it from another session (CAP_SYS_ADMIN, checked by the caller)
     * @throws ErrnoException EPERM
     */
    public static void setControllingTerminal(Task t, Object terminal, boolean steal) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Session session = t.tg.processGroup.session;
            if (session.leader == t.tg && session.controllingTerminal == terminal) {
                return;
            }
            if (session.leader != t.tg || session.controllingTerminal != null) {
                throw Errno.EPERM.exception();
            }
            Session owner = sessionOfLocked(t.tg.pidns, terminal);
            if (owner != null) {
                if (!steal) {
                    throw Errno.EPERM.exception();
                }
                owner.controllingTerminal = null;
                owner.foreground = null;
            }
            session.controllingTerminal = terminal;
            session.foreground = t.tg.processGroup;
        } finally {
            set.mu.unlock();
        }
    }

    /** Gives a process that was started from outside its terminal, before it runs or early in its life. */
    public static void attachTerminal(ThreadGroup tg, Object terminal) {
        TaskSet set = tg.kernel.tasks();
        set.mu.lock();
        try {
            Session session = tg.processGroup.session;
            session.controllingTerminal = terminal;
            session.foreground = tg.processGroup;
        } finally {
            set.mu.unlock();
        }
    }

    /** ioctl(TIOCNOTTY): the session leader's leaving hangs up the foreground. */
    public static void releaseControllingTerminal(Task t, Object terminal) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Session session = t.tg.processGroup.session;
            if (session.controllingTerminal != terminal) {
                throw Errno.ENOTTY.exception();
            }
            if (session.leader != t.tg) {
                throw Errno.ENOTTY.exception();
            }
            hangUpLocked(session);
        } finally {
            set.mu.unlock();
        }
    }

    /** The terminal itself is gone (its master was closed): SIGHUP and SIGCONT for its session's leader. */
    public static void hangUp(Kernel kernel, Object terminal) {
        TaskSet set = kernel.tasks();
        set.mu.lock();
        try {
            Session session = sessionOfLocked(set.root(), terminal);
            if (session == null) {
                return;
            }
            ThreadGroup leader = session.leader;
            if (leader != null) {
                try {
                    SignalSender.sendLocked(leader.leader, SigInfo.kernel(Signal.SIGHUP), true, false);
                    SignalSender.sendLocked(leader.leader, SigInfo.kernel(Signal.SIGCONT), true, false);
                } catch (ErrnoException e) {
                    // it is gone
                }
            }
            hangUpLocked(session);
        } finally {
            set.mu.unlock();
        }
    }

    private static void hangUpLocked(Session session) {
        ProcessGroup foreground = session.foreground;
        session.controllingTerminal = null;
        session.foreground = null;
        if (foreground != null) {
            SignalSender.sendToProcessGroupLocked(foreground, SigInfo.kernel(Signal.SIGHUP));
            SignalSender.sendToProcessGroupLocked(foreground, SigInfo.kernel(Signal.SIGCONT));
        }
    }

    /** ioctl(TIOCGPGRP). */
    public static int foreground(Task t, Object terminal) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Session session = t.tg.processGroup.session;
            if (session.controllingTerminal != terminal) {
                throw Errno.ENOTTY.exception();
            }
            return session.foreground == null ? 0 : session.foreground.id;
        } finally {
            set.mu.unlock();
        }
    }

    /** ioctl(TIOCSPGRP); whether the caller may is asked with {@link #checkAccess} first. */
    public static void setForeground(Task t, Object terminal, int pgid) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Session session = t.tg.processGroup.session;
            if (session.controllingTerminal != terminal) {
                throw Errno.ENOTTY.exception();
            }
            if (pgid < 0) {
                throw Errno.EINVAL.exception();
            }
            ProcessGroup pg = t.tg.pidns.processGroups.get(pgid);
            if (pg == null) {
                throw Errno.ESRCH.exception();
            }
            if (pg.session != session) {
                throw Errno.EPERM.exception();
            }
            session.foreground = pg;
        } finally {
            set.mu.unlock();
        }
    }

    /** ioctl(TIOCGSID). */
    public static int sessionOf(Task t, Object terminal) throws ErrnoException {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            Session session = t.tg.processGroup.session;
            if (session.controllingTerminal != terminal) {
                throw Errno.ENOTTY.exception();
            }
            return session.id;
        } finally {
            set.mu.unlock();
        }
    }

    /**
     * Whether the caller may read ({@code signal} SIGTTIN) or write and change (SIGTTOU) its terminal
     * (drivers/tty/tty_jobctrl.c, __tty_check_change).
     */
    public static Access checkAccess(Task t, Object terminal, int signal) {
        TaskSet set = t.kernel.tasks();
        set.mu.lock();
        try {
            ProcessGroup pg = t.tg.processGroup;
            Session session = pg.session;
            if (session.controllingTerminal != terminal || session.foreground == null || session.foreground == pg) {
                return Access.GRANTED;
            }
            boolean ignored;
            SignalHandlers handlers = t.tg.signalHandlers;
            handlers.mu.lock();
            try {
                ignored = Signal.contains(t.signals.mask(), signal)
                        || handlers.getLocked(signal).isIgnore();
            } finally {
                handlers.mu.unlock();
            }
            if (ignored) {
                return signal == Signal.SIGTTIN ? Access.DENIED : Access.GRANTED;
            }
            if (pg.isOrphanedLocked(null)) {
                return Access.DENIED;
            }
            SignalSender.sendToProcessGroupLocked(pg, SigInfo.kernel(signal));
            return Access.SIGNALLED;
        } finally {
            set.mu.unlock();
        }
    }

    /** The terminal's own signals (^C, ^\, ^Z, a changed size) to the foreground group of its session. */
    public static void signalForeground(Kernel kernel, Object terminal, int signal) {
        TaskSet set = kernel.tasks();
        set.mu.lock();
        try {
            Session session = sessionOfLocked(set.root(), terminal);
            if (session != null && session.foreground != null) {
                SignalSender.sendToProcessGroupLocked(session.foreground, SigInfo.kernel(signal));
            }
        } finally {
            set.mu.unlock();
        }
    }

    private static @Nullable Session sessionOfLocked(PidNamespace ns, Object terminal) {
        for (Session s : ns.sessions.values()) {
            if (s.controllingTerminal == terminal) {
                return s;
            }
        }
        return null;
    }
}
