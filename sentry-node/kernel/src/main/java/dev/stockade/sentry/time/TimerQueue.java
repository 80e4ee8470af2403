package dev.stockade.sentry.time;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.PriorityQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs actions at points of a clock's monotonic time, on one daemon thread that lives while something is due or was
 * due a moment ago. Thread-safe; a leaf of the lock order, actions run with no lock held.
 */
public final class TimerQueue {
    /** An action that is due once. Cancelling one that has run does nothing. */
    public final class Entry implements Comparable<Entry> {
        private final long deadlineNs;
        private final long sequence;
        private final Runnable action;

        private Entry(long deadlineNs, long sequence, Runnable action) {
            this.deadlineNs = deadlineNs;
            this.sequence = sequence;
            this.action = action;
        }

        /** Takes it out; false if it has run, runs now, or was cancelled. */
        public boolean cancel() {
            synchronized (lock) {
                return entries.remove(this);
            }
        }

        @Override
        public int compareTo(Entry o) {
            int c = Long.compare(deadlineNs, o.deadlineNs);
            return c != 0 ? c : Long.compare(sequence, o.sequence);
        }
    }

    private final Object lock = new Object();
    private final Clock clock;
    private final String threadName;

    @GuardedBy("lock")
    private final PriorityQueue<Entry> entries = new PriorityQueue<>();

    @GuardedBy("lock")
    private long nextSequence;

    @GuardedBy("lock")
    private @Nullable Thread thread;

    @GuardedBy("lock")
    private boolean closed;

    public TimerQueue(Clock clock, String threadName) {
        this.clock = clock;
        this.threadName = threadName;
    }

    /** Runs {@code action} once {@code deadlineNs} has come. */
    public Entry schedule(long deadlineNs, Runnable action) {
        synchronized (lock) {
            Entry e = new Entry(deadlineNs, nextSequence++, action);
            if (closed) {
                return e;
            }
            entries.add(e);
            Thread t = thread;
            if (t == null) {
                t = new Thread(null, this::run, threadName, 128 * 1024);
                t.setDaemon(true);
                thread = t;
                t.start();
            } else if (entries.peek() == e) {
                LockSupport.unpark(t);
            }
            return e;
        }
    }

    /** Drops every entry and ends the thread; waits for it unless called by it. */
    public void close() {
        Thread t;
        synchronized (lock) {
            closed = true;
            entries.clear();
            t = thread;
        }
        if (t == null || t == Thread.currentThread()) {
            return;
        }
        LockSupport.unpark(t);
        boolean interrupted = false;
        while (t.isAlive()) {
            try {
                t.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        for (; ; ) {
            Entry due = null;
            long deadlineNs;
            synchronized (lock) {
                if (closed || entries.isEmpty()) {
                    thread = null;
                    return;
                }
                Entry first = entries.peek();
                deadlineNs = first.deadlineNs;
                if (deadlineNs <= clock.monotonicNs()) {
                    due = entries.poll();
                }
            }
            if (due != null) {
                due.action.run();
            } else {
                clock.parkUntil(this, deadlineNs);
            }
        }
    }
}
