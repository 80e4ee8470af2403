package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.time.Clock;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.Waitable;

/**
 * How a task waits. The pattern that loses no wake-up:
 *
 * <pre>
 * blocking.prepare();
 * queue.register(blocking.newEntry(), mask);
 * try {
 *     while (!condition()) {
 *         switch (blocking.sleep(deadlineNs)) { ... }
 *     }
 * } finally { queue.unregister(entry); }
 * </pre>
 *
 * Everything but {@link #wake} is exclusive to the task thread.
 */
public final class TaskBlocking {
    /** Why a sleep ended. */
    public enum Wake {
        /** {@link #wake} was called: look again. */
        READY,
        /** The deadline has come. */
        TIMED_OUT,
        /** A signal, a stop or a kill wants the task: give ERESTARTSYS or the like. */
        INTERRUPTED
    }

    /** An attempt that throws EAGAIN when it would block. */
    @FunctionalInterface
    public interface Attempt {
        long run() throws ErrnoException;
    }

    private final Task task;
    private volatile boolean woken;

    TaskBlocking(Task task) {
        this.task = task;
    }

    /** Forgets earlier wake-ups; call before registering. */
    public void prepare() {
        woken = false;
    }

    /** An entry for one queue at a time whose notification wakes this task. */
    public WaitEntry newEntry() {
        return new WaitEntry() {
            @Override
            public void notify(int readyMask) {
                wake();
            }
        };
    }

    /** Ends the present or the next sleep since {@link #prepare}. Any thread; takes no lock. */
    public void wake() {
        woken = true;
        task.unpark();
    }

    /** Waits until woken or interrupted. */
    public Wake sleep() {
        return sleep(Clock.NEVER);
    }

    /** @param deadlineNs of the kernel's monotonic clock */
    public Wake sleep(long deadlineNs) {
        return park(deadlineNs, true);
    }

    /** Waits until woken or the deadline, whatever signals come; only for waits that end soon by themselves. */
    public Wake sleepUninterruptible(long deadlineNs) {
        return park(deadlineNs, false);
    }

    private Wake park(long deadlineNs, boolean interruptible) {
        Clock clock = task.kernel.clock();
        boolean accounted = false;
        try {
            for (; ; ) {
                if (woken) {
                    woken = false;
                    return Wake.READY;
                }
                if (interruptible && task.isInterrupted()) {
                    return Wake.INTERRUPTED;
                }
                if (deadlineNs != Clock.NEVER && clock.monotonicNs() >= deadlineNs) {
                    return Wake.TIMED_OUT;
                }
                if (!accounted) {
                    task.accounting.beginSleep(interruptible);
                    accounted = true;
                    continue;
                }
                clock.parkUntil(this, deadlineNs);
            }
        } finally {
            if (accounted) {
                task.accounting.endSleep();
            }
        }
    }

    /**
     * Repeats {@code attempt} until it does not throw EAGAIN, waiting for {@code w} to become ready meanwhile.
     *
     * @param deadlineNs of the monotonic clock, {@link Clock#NEVER} for none
     * @throws ErrnoException what the attempt throws; EAGAIN at the deadline; ERESTARTSYS if interrupted
     */
    public long retry(Waitable w, int mask, long deadlineNs, Attempt attempt) throws ErrnoException {
        try {
            return attempt.run();
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EAGAIN) {
                throw e;
            }
        }
        WaitEntry entry = newEntry();
        prepare();
        w.register(entry, mask);
        try {
            for (; ; ) {
                try {
                    return attempt.run();
                } catch (ErrnoException e) {
                    if (e.errno() != Errno.EAGAIN) {
                        throw e;
                    }
                }
                switch (sleep(deadlineNs)) {
                    case READY -> {}
                    case TIMED_OUT -> throw Errno.EAGAIN.exception();
                    case INTERRUPTED -> throw Errno.ERESTARTSYS.exception();
                }
            }
        } finally {
            w.unregister(entry);
        }
    }

    /** {@link #retry} without a deadline, or a single attempt if the description has O_NONBLOCK. */
    public long io(FileDescription file, int mask, Attempt attempt) throws ErrnoException {
        if ((file.statusFlags() & O_NONBLOCK) != 0) {
            return attempt.run();
        }
        return retry(file, mask, Clock.NEVER, attempt);
    }

    private static final int O_NONBLOCK = 0x800;
}
