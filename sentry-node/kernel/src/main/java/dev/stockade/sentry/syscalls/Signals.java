package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.kernel.RunState;
import dev.stockade.sentry.kernel.SigInfo;
import dev.stockade.sentry.kernel.SignalAction;
import dev.stockade.sentry.kernel.SignalSender;
import dev.stockade.sentry.kernel.SignalTargets;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.SyscallHandler;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskBlocking;
import dev.stockade.sentry.kernel.TaskSignals;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Signals: actions, masks, sending and waiting. */
final class Signals {
    private Signals() {}

    private static final int SIGACTION_SIZE = 32;

    private static void checkSetSize(long size) throws ErrnoException {
        if (size != Signal.SIGSET_SIZE) {
            throw Errno.EINVAL.exception();
        }
    }

    static long rt_sigaction(Task t, SyscallArgs a) throws ErrnoException {
        checkSetSize(a.longAt(3));
        int signal = a.intAt(0);
        MemoryManager mm = t.memoryManager();
        SignalAction next = null;
        if (a.longAt(1) != 0) {
            byte[] raw = new byte[SIGACTION_SIZE];
            mm.copyIn(a.longAt(1), raw);
            ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
            next = new SignalAction(b.getLong(0), b.getLong(8), b.getLong(16), b.getLong(24) & ~Signal.UNBLOCKABLE);
        }
        if (!Signal.isValid(signal) || (next != null && Signal.contains(Signal.UNBLOCKABLE, signal))) {
            throw Errno.EINVAL.exception();
        }
        SignalAction old = next == null ? SignalSender.action(t, signal) : SignalSender.setAction(t, signal, next);
        if (a.longAt(2) != 0) {
            ByteBuffer b = ByteBuffer.allocate(SIGACTION_SIZE).order(ByteOrder.LITTLE_ENDIAN);
            b.putLong(old.handler())
                    .putLong(old.flags())
                    .putLong(old.restorer())
                    .putLong(old.mask());
            mm.copyOut(a.longAt(2), b.array());
        }
        return 0;
    }

    static long rt_sigprocmask(Task t, SyscallArgs a) throws ErrnoException {
        checkSetSize(a.longAt(3));
        MemoryManager mm = t.memoryManager();
        long old = t.signals().mask();
        if (a.longAt(1) != 0) {
            long set = mm.readLong(a.longAt(1));
            long next = switch (a.intAt(0)) {
                case Signal.SIG_BLOCK -> old | set;
                case Signal.SIG_UNBLOCK -> old & ~set;
                case Signal.SIG_SETMASK -> set;
                default -> throw Errno.EINVAL.exception();
            };
            t.signals().setMask(next);
        }
        if (a.longAt(2) != 0) {
            mm.writeLong(a.longAt(2), old);
        }
        return 0;
    }

    static RunState rt_sigreturn(Task t, SyscallArgs a) {
        return t.signals().sigreturn();
    }

    static long rt_sigpending(Task t, SyscallArgs a) throws ErrnoException {
        if (Long.compareUnsigned(a.longAt(1), Signal.SIGSET_SIZE) > 0) {
            throw Errno.EINVAL.exception();
        }
        byte[] set = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(t.signals().pendingBlocked())
                .array();
        t.memoryManager().copyOut(a.longAt(0), java.util.Arrays.copyOf(set, (int) a.longAt(1)));
        return 0;
    }

    static long rt_sigtimedwait(Task t, SyscallArgs a) throws ErrnoException {
        checkSetSize(a.longAt(3));
        MemoryManager mm = t.memoryManager();
        long set = mm.readLong(a.longAt(0));
        Clock clock = t.kernel().clock();
        long deadlineNs =
                a.longAt(2) == 0 ? Clock.NEVER : GuestTime.deadline(clock, GuestTime.readTimespec(mm, a.longAt(2)));
        SigInfo info = t.signals().sigtimedwait(set, deadlineNs);
        if (a.longAt(1) != 0) {
            mm.copyOut(a.longAt(1), info.toBytes());
        }
        return info.signal();
    }

    static long rt_sigqueueinfo(Task t, SyscallArgs a) throws ErrnoException {
        byte[] raw = new byte[SigInfo.SIZE];
        t.memoryManager().copyIn(a.longAt(2), raw);
        SignalTargets.queue(t, 0, a.intAt(0), a.intAt(1), raw, false);
        return 0;
    }

    static long rt_tgsigqueueinfo(Task t, SyscallArgs a) throws ErrnoException {
        byte[] raw = new byte[SigInfo.SIZE];
        t.memoryManager().copyIn(a.longAt(3), raw);
        if (a.intAt(0) <= 0 || a.intAt(1) <= 0) {
            throw Errno.EINVAL.exception();
        }
        SignalTargets.queue(t, a.intAt(0), a.intAt(1), a.intAt(2), raw, true);
        return 0;
    }

    static long rt_sigsuspend(Task t, SyscallArgs a) throws ErrnoException {
        checkSetSize(a.longAt(1));
        t.signals().setTemporaryMask(t.memoryManager().readLong(a.longAt(0)));
        return sleepUntilSignal(t);
    }

    static long pause(Task t, SyscallArgs a) throws ErrnoException {
        return sleepUntilSignal(t);
    }

    private static long sleepUntilSignal(Task t) throws ErrnoException {
        t.blocking().prepare();
        while (t.blocking().sleep() != TaskBlocking.Wake.INTERRUPTED) {
            // nothing else ends it
        }
        throw Errno.ERESTARTNOHAND.exception();
    }

    static long sigaltstack(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        TaskSignals.AltStack old = t.signals().altStackNow();
        if (a.longAt(0) != 0) {
            byte[] raw = new byte[24];
            mm.copyIn(a.longAt(0), raw);
            ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
            t.signals().setAltStack(b.getLong(0), b.getInt(8), b.getLong(16));
        }
        if (a.longAt(1) != 0) {
            ByteBuffer b = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
            b.putLong(0, old.address()).putInt(8, old.flags()).putLong(16, old.size());
            mm.copyOut(a.longAt(1), b.array());
        }
        return 0;
    }

    static long kill(Task t, SyscallArgs a) throws ErrnoException {
        SignalTargets.kill(t, a.intAt(0), a.intAt(1));
        return 0;
    }

    static long tkill(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(0) <= 0) {
            throw Errno.EINVAL.exception();
        }
        SignalTargets.tgkill(t, 0, a.intAt(0), a.intAt(1));
        return 0;
    }

    static long tgkill(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(0) <= 0 || a.intAt(1) <= 0) {
            throw Errno.EINVAL.exception();
        }
        SignalTargets.tgkill(t, a.intAt(0), a.intAt(1), a.intAt(2));
        return 0;
    }

    static long restart_syscall(Task t, SyscallArgs a) throws ErrnoException {
        SyscallHandler block = t.takeRestartBlock();
        if (block == null) {
            throw Errno.EINTR.exception();
        }
        return block.call(t, a);
    }
}
