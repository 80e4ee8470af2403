package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.futex.FutexQueues;
import dev.stockade.sentry.futex.FutexWaiter;
import dev.stockade.sentry.futex.FutexWord;
import dev.stockade.sentry.kernel.Executables;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;

/** futex(2) and robust lists (kernel/futex/). */
final class Futexes {
    private Futexes() {}

    private static final int FUTEX_WAIT = 0;
    private static final int FUTEX_WAKE = 1;
    private static final int FUTEX_REQUEUE = 3;
    private static final int FUTEX_CMP_REQUEUE = 4;
    private static final int FUTEX_WAKE_OP = 5;
    private static final int FUTEX_WAIT_BITSET = 9;
    private static final int FUTEX_WAKE_BITSET = 10;
    private static final int FUTEX_PRIVATE_FLAG = 128;
    private static final int FUTEX_CLOCK_REALTIME = 256;
    private static final int MATCH_ANY = -1;

    static long futex(Task t, SyscallArgs a) throws ErrnoException {
        int op = a.intAt(1);
        boolean shared = (op & FUTEX_PRIVATE_FLAG) == 0;
        boolean realtime = (op & FUTEX_CLOCK_REALTIME) != 0;
        int command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
        if (realtime && command != FUTEX_WAIT_BITSET) {
            throw Errno.ENOSYS.exception();
        }
        MemoryManager mm = t.memoryManager();
        FutexQueues queues = t.kernel().futexes();
        long address = a.longAt(0);
        int value = a.intAt(2);
        return switch (command) {
            case FUTEX_WAIT -> wait(t, address, shared, value, relativeDeadline(t, a.longAt(3)), MATCH_ANY);
            case FUTEX_WAIT_BITSET ->
                wait(t, address, shared, value, absoluteDeadline(t, a.longAt(3), realtime), a.intAt(5));
            case FUTEX_WAKE -> queues.wake(mm.futexLocation(address, shared), Math.max(1, value), MATCH_ANY);
            case FUTEX_WAKE_BITSET -> {
                if (a.intAt(5) == 0) {
                    throw Errno.EINVAL.exception();
                }
                yield queues.wake(mm.futexLocation(address, shared), Math.max(1, value), a.intAt(5));
            }
            case FUTEX_REQUEUE, FUTEX_CMP_REQUEUE -> {
                int move = a.intAt(3);
                if (value < 0 || move < 0) {
                    throw Errno.EINVAL.exception();
                }
                Object from = mm.futexLocation(address, shared);
                Object to = mm.futexLocation(a.longAt(4), shared);
                FutexWord word = command == FUTEX_CMP_REQUEUE ? () -> mm.loadInt(address) : null;
                yield queues.requeue(from, to, value, move, word, a.intAt(5));
            }
            case FUTEX_WAKE_OP -> {
                long second = a.longAt(4);
                int encoded = a.intAt(5);
                Object first = mm.futexLocation(address, shared);
                Object other = mm.futexLocation(second, shared);
                yield queues.wakeOp(
                        first,
                        other,
                        Math.max(1, value),
                        Math.max(1, a.intAt(3)),
                        encoded,
                        () -> operate(mm, second, encoded));
            }
            default -> throw Errno.ENOSYS.exception();
        };
    }

    private static int operate(MemoryManager mm, long address, int encoded) throws ErrnoException {
        int operand = encoded << 8 >> 20;
        if ((encoded & 0x80000000) != 0) {
            operand = 1 << (operand & 31); // FUTEX_OP_OPARG_SHIFT
        }
        int operation = (encoded >>> 28) & 7;
        for (; ; ) {
            int old = mm.loadInt(address);
            int next = switch (operation) {
                case 0 -> operand;
                case 1 -> old + operand;
                case 2 -> old | operand;
                case 3 -> old & ~operand;
                case 4 -> old ^ operand;
                default -> throw Errno.ENOSYS.exception();
            };
            if (mm.compareAndExchangeInt(address, old, next) == old) {
                return old;
            }
        }
    }

    private static long relativeDeadline(Task t, long timeout) throws ErrnoException {
        return timeout == 0
                ? Clock.NEVER
                : GuestTime.deadline(t.kernel().clock(), GuestTime.readTimespec(t.memoryManager(), timeout));
    }

    private static long absoluteDeadline(Task t, long timeout, boolean realtime) throws ErrnoException {
        if (timeout == 0) {
            return Clock.NEVER;
        }
        long ns = GuestTime.readTimespec(t.memoryManager(), timeout);
        return realtime ? GuestTime.fromRealtime(t.kernel().clock(), ns) : ns;
    }

    private static long wait(Task t, long address, boolean shared, int expected, long deadlineNs, int bitset)
            throws ErrnoException {
        if (bitset == 0) {
            throw Errno.EINVAL.exception();
        }
        MemoryManager mm = t.memoryManager();
        FutexQueues queues = t.kernel().futexes();
        Object key = mm.futexLocation(address, shared);
        FutexWaiter waiter = new FutexWaiter(t.blocking()::wake, bitset);
        t.blocking().prepare();
        queues.enqueue(key, waiter, () -> mm.loadInt(address), expected);
        for (; ; ) {
            if (waiter.woken()) {
                return 0;
            }
            switch (t.blocking().sleep(deadlineNs)) {
                case READY -> {}
                case TIMED_OUT -> {
                    if (!queues.cancel(waiter)) {
                        return 0;
                    }
                    throw Errno.ETIMEDOUT.exception();
                }
                case INTERRUPTED -> {
                    if (!queues.cancel(waiter)) {
                        return 0;
                    }
                    if (deadlineNs == Clock.NEVER) {
                        throw Errno.ERESTARTSYS.exception();
                    }
                    t.setRestartBlock((task, args) -> wait(task, address, shared, expected, deadlineNs, bitset));
                    throw Errno.ERESTART_RESTARTBLOCK.exception();
                }
            }
        }
    }

    /** sizeof(struct robust_list_head). */
    private static final long ROBUST_LIST_HEAD = 24;

    static long set_robust_list(Task t, SyscallArgs a) throws ErrnoException {
        if (a.longAt(1) != ROBUST_LIST_HEAD) {
            throw Errno.EINVAL.exception();
        }
        t.setRobustList(a.longAt(0));
        return 0;
    }

    static long get_robust_list(Task t, SyscallArgs a) throws ErrnoException {
        Task target = a.intAt(0) == 0 ? t : t.pidNamespace().task(a.intAt(0));
        if (target == null) {
            throw Errno.ESRCH.exception();
        }
        if (!Executables.mayInspect(t, target)) {
            throw Errno.EPERM.exception();
        }
        t.memoryManager().writeLong(a.longAt(2), ROBUST_LIST_HEAD);
        t.memoryManager().writeLong(a.longAt(1), target.robustList());
        return 0;
    }
}
