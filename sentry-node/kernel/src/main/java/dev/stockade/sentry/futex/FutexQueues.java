package dev.stockade.sentry.futex;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who waits on which futex. Thread-safe. One lock is enough here: it is held for a hash look-up and a few queue
 * operations, and reading the word under it is what makes "compare and sleep" atomic against a wake. It is a leaf of
 * the kernel's locks but for the address space's own, which loading the word takes.
 */
public final class FutexQueues {
    private final Object lock = new Object();
    private final Map<Object, List<FutexWaiter>> queues = new HashMap<>();

    /** An atomic change of a word, for FUTEX_WAKE_OP: returns what it was. */
    @FunctionalInterface
    public interface WordOperation {
        /** @throws ErrnoException EFAULT */
        int apply() throws ErrnoException;
    }

    /**
     * Queues {@code waiter} if the word is still {@code expected} (FUTEX_WAIT_BITSET).
     *
     * @throws ErrnoException EAGAIN if it is not, EFAULT
     */
    public void enqueue(Object key, FutexWaiter waiter, FutexWord word, int expected) throws ErrnoException {
        synchronized (lock) {
            if (word.load() != expected) {
                throw Errno.EAGAIN.exception();
            }
            waiter.key = key;
            queues.computeIfAbsent(key, k -> new ArrayList<>(2)).add(waiter);
        }
    }

    /** Takes a waiter out that gives up; false if it was woken. */
    public boolean cancel(FutexWaiter waiter) {
        synchronized (lock) {
            Object key = waiter.key;
            if (key == null) {
                return false;
            }
            List<FutexWaiter> queue = queues.get(key);
            if (queue != null) {
                queue.remove(waiter);
                if (queue.isEmpty()) {
                    queues.remove(key);
                }
            }
            waiter.key = null;
            return true;
        }
    }

    /** Wakes up to {@code count} waiters of {@code key} whose bitset meets {@code bitset}; returns how many. */
    public int wake(Object key, int count, int bitset) {
        synchronized (lock) {
            return wakeLocked(key, count, bitset);
        }
    }

    private int wakeLocked(Object key, int count, int bitset) {
        @Nullable List<FutexWaiter> queue = queues.get(key);
        if (queue == null) {
            return 0;
        }
        int woken = 0;
        for (Iterator<FutexWaiter> i = queue.iterator(); i.hasNext() && woken < count; ) {
            FutexWaiter w = i.next();
            if ((w.bitset & bitset) != 0) {
                i.remove();
                w.wake();
                woken++;
            }
        }
        if (queue.isEmpty()) {
            queues.remove(key);
        }
        return woken;
    }

    /**
     * Wakes some and moves others to a second futex (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE).
     *
     * @param word the first word, or null if it is not compared
     * @return how many were woken, plus how many were moved if {@code word} was compared
     * @throws ErrnoException EAGAIN if the word is not {@code expected}, EFAULT
     */
    public int requeue(Object from, Object to, int wakeCount, int moveCount, @Nullable FutexWord word, int expected)
            throws ErrnoException {
        synchronized (lock) {
            if (word != null && word.load() != expected) {
                throw Errno.EAGAIN.exception();
            }
            int woken = wakeLocked(from, wakeCount, -1);
            @Nullable List<FutexWaiter> queue = queues.get(from);
            int moved = 0;
            if (queue != null && !from.equals(to)) {
                List<FutexWaiter> target = queues.computeIfAbsent(to, k -> new ArrayList<>(2));
                for (Iterator<FutexWaiter> i = queue.iterator(); i.hasNext() && moved < moveCount; ) {
                    FutexWaiter w = i.next();
                    i.remove();
                    w.key = to;
                    target.add(w);
                    moved++;
                }
                if (target.isEmpty()) {
                    queues.remove(to);
                }
                if (queue.isEmpty()) {
                    queues.remove(from);
                }
            }
            return word == null ? woken : woken + moved;
        }
    }

    /**
     * Changes the second word, wakes waiters of the first, and those of the second if the old value satisfies the
     * comparison (FUTEX_WAKE_OP).
     *
     * @param encoded the operation as user space encodes it
     * @throws ErrnoException ENOSYS for an unknown comparison, EFAULT
     */
    public int wakeOp(Object first, Object second, int wakeFirst, int wakeSecond, int encoded, WordOperation operation)
            throws ErrnoException {
        int argument = encoded << 20 >> 20;
        synchronized (lock) {
            int old = operation.apply();
            boolean holds = switch ((encoded >>> 24) & 0xf) {
                case 0 -> old == argument;
                case 1 -> old != argument;
                case 2 -> old < argument;
                case 3 -> old <= argument;
                case 4 -> old > argument;
                case 5 -> old >= argument;
                default -> throw Errno.ENOSYS.exception();
            };
            int woken = wakeLocked(first, wakeFirst, -1);
            if (holds) {
                woken += wakeLocked(second, wakeSecond, -1);
            }
            return woken;
        }
    }

    /** How many tasks wait on any futex. */
    public int waiters() {
        synchronized (lock) {
            int n = 0;
            for (List<FutexWaiter> q : queues.values()) {
                n += q.size();
            }
            return n;
        }
    }
}
