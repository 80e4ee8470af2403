package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Signals that were sent and not yet taken: one of each standard signal, queues of real-time ones (signal(7)). Guarded
 * by the signal mutex of its owner.
 */
final class PendingSignals {
    /** A queued signal and the account that it is charged to, null if it is not charged. */
    private record Queued(SigInfo info, @Nullable UserCounters charged) {}

    private long set;
    private final @Nullable Queued[] standard = new @Nullable Queued[Signal.SIGRTMIN];
    private final @Nullable ArrayDeque<Queued>[] realTime = newQueues();

    @SuppressWarnings({"unchecked", "rawtypes"}) // generic array creation
    private static @Nullable ArrayDeque<Queued>[] newQueues() {
        return new ArrayDeque[Signal.SIGNAL_MAX + 1 - Signal.SIGRTMIN];
    }

    /** The set of pending signals. */
    long set() {
        return set;
    }

    boolean isPending(int signal) {
        return Signal.contains(set, signal);
    }

    /**
     * Adds a signal.
     *
     * @param limit RLIMIT_SIGPENDING of the receiver
     * @param mustCarry fail rather than lose the information of a real-time signal (sigqueue(3))
     * @return false if the limit is reached and {@code mustCarry}
     */
    boolean enqueue(SigInfo info, UserCounters counters, long limit, boolean mustCarry) {
        int signal = info.signal();
        if (!Signal.isRealTime(signal)) {
            if (standard[signal] == null) {
                standard[signal] = new Queued(info, null);
                set |= Signal.bit(signal);
            }
            return true;
        }
        ArrayDeque<Queued> queue = realTime[signal - Signal.SIGRTMIN];
        if (queue == null) {
            queue = new ArrayDeque<>(2);
            realTime[signal - Signal.SIGRTMIN] = queue;
        }
        if (!counters.tryAddPendingSignal(limit)) {
            if (mustCarry) {
                return false;
            }
            // As in Linux, the signal itself is not lost, only how often and why it was sent.
            if (queue.isEmpty()) {
                queue.add(new Queued(SigInfo.user(signal, Signal.SI_USER, 0, 0), null));
            }
            set |= Signal.bit(signal);
            return true;
        }
        queue.add(new Queued(info, counters));
        set |= Signal.bit(signal);
        return true;
    }

    /** Takes the next signal of {@code allowed}: synchronous ones first, then by number; null if there is none. */
    @Nullable
    SigInfo dequeue(long allowed) {
        long candidates = set & allowed;
        if (candidates == 0) {
            return null;
        }
        long first = candidates & Signal.SYNCHRONOUS;
        return take(Long.numberOfTrailingZeros(first != 0 ? first : candidates) + 1);
    }

    private @Nullable SigInfo take(int signal) {
        Queued q;
        if (!Signal.isRealTime(signal)) {
            q = standard[signal];
            standard[signal] = null;
            set &= ~Signal.bit(signal);
        } else {
            ArrayDeque<Queued> queue = realTime[signal - Signal.SIGRTMIN];
            q = queue == null ? null : queue.poll();
            if (queue == null || queue.isEmpty()) {
                set &= ~Signal.bit(signal);
            }
        }
        if (q == null) {
            return null;
        }
        if (q.charged != null) {
            q.charged.removePendingSignal();
        }
        return q.info;
    }

    /** Drops every signal of {@code signals}. */
    void discard(long signals) {
        for (long left = set & signals; left != 0; left &= left - 1) {
            int signal = Long.numberOfTrailingZeros(left) + 1;
            while (isPending(signal)) {
                take(signal);
            }
        }
    }
}
