package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.mm.MemoryManager;

/** What a dying task does with the mutexes it holds (set_robust_list(2), kernel/futex/core.c). */
final class RobustFutexes {
    private RobustFutexes() {}

    private static final int FUTEX_WAITERS = 0x80000000;
    private static final int FUTEX_OWNER_DIED = 0x40000000;
    private static final int FUTEX_TID_MASK = 0x3fffffff;

    /** ROBUST_LIST_LIMIT: a list that a hostile program made endless ends here. */
    private static final int LIMIT = 2048;

    static void exit(Task t) {
        long head = t.robustList;
        if (head == 0) {
            return;
        }
        t.robustList = 0;
        MemoryManager mm = t.memoryManager();
        try {
            long entry = mm.readLong(head);
            long offset = mm.readLong(head + 8);
            long pending = mm.readLong(head + 16);
            for (int i = 0; entry != head && i < LIMIT; i++) {
                long next = mm.readLong(entry & ~1L);
                if (entry != pending) {
                    died(t, mm, (entry & ~1L) + offset, (entry & 1) != 0, false);
                }
                entry = next;
            }
            if (pending != 0) {
                died(t, mm, (pending & ~1L) + offset, (pending & 1) != 0, true);
            }
        } catch (ErrnoException e) {
            // A bad list is the program's own loss.
        }
    }

    private static void died(Task t, MemoryManager mm, long address, boolean pi, boolean pending)
            throws ErrnoException {
        if ((address & 3) != 0) {
            return;
        }
        for (; ; ) {
            int value = mm.loadInt(address);
            if (pending && !pi && value == 0) {
                wake(t, mm, address);
                return;
            }
            if ((value & FUTEX_TID_MASK) != t.tid) {
                return;
            }
            int dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
            if (mm.compareAndExchangeInt(address, value, dead) == value) {
                if (!pi && (value & FUTEX_WAITERS) != 0) {
                    wake(t, mm, address);
                }
                return;
            }
        }
    }

    private static void wake(Task t, MemoryManager mm, long address) throws ErrnoException {
        // The list does not say whether the mutex is private, so both keys are tried.
        if (t.kernel.futexes().wake(mm.futexLocation(address, true), 1, -1) == 0) {
            t.kernel.futexes().wake(mm.futexLocation(address, false), 1, -1);
        }
    }
}
