package dev.stockade.sentry.kernel;

import dev.stockade.sentry.time.Clock;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where a task's time goes: in guest code (utime), in the kernel on its behalf (stime), or asleep. Written by the task
 * thread; others read values that are current up to the last change of state.
 */
public final class TaskAccounting {
    /** As /proc/pid/stat shows it. */
    public enum Activity {
        GUEST('R'),
        KERNEL('R'),
        SLEEP('S'),
        UNINTERRUPTIBLE('D'),
        STOPPED('T');

        private final char letter;

        Activity(char letter) {
            this.letter = letter;
        }

        public char letter() {
            return letter;
        }
    }

    private final Clock clock;
    private final AtomicLong userNs = new AtomicLong();
    private final AtomicLong systemNs = new AtomicLong();
    private volatile long sinceNs;
    private volatile Activity activity = Activity.KERNEL;
    private final AtomicLong voluntarySwitches = new AtomicLong();
    private final AtomicLong minorFaults = new AtomicLong();
    private final AtomicLong syscalls = new AtomicLong();

    TaskAccounting(Clock clock) {
        this.clock = clock;
        this.sinceNs = clock.monotonicNs();
    }

    /** Only the task thread writes. */
    private static void add(AtomicLong counter, long delta) {
        counter.setRelease(counter.getPlain() + delta);
    }

    private void become(Activity next) {
        long now = clock.monotonicNs();
        long passed = now - sinceNs;
        switch (activity) {
            case GUEST -> add(userNs, passed);
            case KERNEL -> add(systemNs, passed);
            case SLEEP, UNINTERRUPTIBLE, STOPPED -> {}
        }
        sinceNs = now;
        activity = next;
    }

    void enterGuest() {
        become(Activity.GUEST);
    }

    void leaveGuest() {
        become(Activity.KERNEL);
    }

    void beginSleep(boolean interruptible) {
        become(interruptible ? Activity.SLEEP : Activity.UNINTERRUPTIBLE);
        add(voluntarySwitches, 1);
    }

    void endSleep() {
        become(Activity.KERNEL);
    }

    void beginStop() {
        become(Activity.STOPPED);
    }

    void endStop() {
        become(Activity.KERNEL);
    }

    void countFault() {
        add(minorFaults, 1);
    }

    void countSyscall() {
        add(syscalls, 1);
    }

    public Activity activity() {
        return activity;
    }

    public long syscalls() {
        return syscalls.get();
    }

    /** Everything so far, the present state's share included. */
    public CpuUsage usage() {
        long user = userNs.get();
        long system = systemNs.get();
        long passed = Math.max(0, clock.monotonicNs() - sinceNs);
        switch (activity) {
            case GUEST -> user += passed;
            case KERNEL -> system += passed;
            case SLEEP, UNINTERRUPTIBLE, STOPPED -> {}
        }
        return new CpuUsage(user, system, voluntarySwitches.get(), minorFaults.get());
    }
}
