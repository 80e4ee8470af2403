package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.platform.fake.FakeSystem;
import dev.stockade.sentry.platform.fake.Guest;
import dev.stockade.sentry.platform.fake.ManualClock;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Sleeping, timers and futexes, with a clock that the test moves. */
@Timeout(240)
class TimeAndFutexTest {
    private static final int SYS_NANOSLEEP = 35;
    private static final int SYS_ALARM = 37;
    private static final int SYS_PAUSE = 34;
    private static final int SYS_SETITIMER = 38;
    private static final int SYS_FUTEX = 202;
    private static final int SYS_SET_ROBUST_LIST = 273;
    private static final int SYS_EXIT = 60;
    private static final int WAIT_PRIVATE = 128;
    private static final int WAKE_PRIVATE = 129;
    private static final int CMP_REQUEUE_PRIVATE = 132;
    private static final int WAIT_SHARED = 0;
    private static final int WAKE_SHARED = 1;
    private static final long SECOND = 1_000_000_000L;

    private static long timespec(Guest g, long ns) {
        long p = g.allocate(16);
        g.storeLong(p, ns / SECOND);
        g.storeLong(p + 8, ns % SECOND);
        return p;
    }

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + 60 * SECOND;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the condition did not come");
            }
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldSleepUntilTheClockSaysSo() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            ThreadGroup main = s.start(g -> g.exit((int) g.syscall(SYS_NANOSLEEP, timespec(g, 5 * SECOND))));
            await(() -> clock.waiting() == 1);
            clock.advanceNs(4 * SECOND);
            assertThat(main.onExit()).isNotDone();
            clock.advanceNs(SECOND);
            assertThat(FakeSystem.await(main)).isEqualTo(WaitStatus.exited(0));
        }
    }

    @Test
    void shouldKeepTheDeadlineWhenAStopInterruptsASleep() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            ThreadGroup main = s.start(g -> g.exit((int) g.syscall(SYS_NANOSLEEP, timespec(g, 5 * SECOND)) + 1));
            await(() -> clock.waiting() == 1);
            clock.advanceNs(3 * SECOND);
            s.kernel.pause();
            await(() -> main.leader().accounting().activity() == TaskAccounting.Activity.STOPPED);
            s.kernel.resume();
            await(() -> clock.waiting() == 1);
            clock.advanceNs(2 * SECOND);
            assertThat(FakeSystem.await(main)).isEqualTo(WaitStatus.exited(1));
        }
    }

    @Test
    void shouldSayHowMuchSleepIsLeft() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            AtomicLong left = new AtomicLong();
            AtomicLong result = new AtomicLong();
            ThreadGroup main = s.start(g -> {
                g.onSignal(Signal.SIGUSR1, Signal.SA_RESTART, (h, signal) -> {});
                long remaining = g.allocate(16);
                result.set(g.syscall(SYS_NANOSLEEP, timespec(g, 5 * SECOND), remaining));
                left.set(g.loadLong(remaining));
            });
            await(() -> clock.waiting() == 1);
            clock.advanceNs(2 * SECOND);
            s.kernel.signal(main, Signal.SIGUSR1);
            FakeSystem.await(main);
            assertThat(result).hasValue(-Errno.EINTR.number());
            assertThat(left).hasValue(3);
        }
    }

    @Test
    void shouldRingTheAlarm() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            AtomicInteger rang = new AtomicInteger();
            AtomicLong left = new AtomicLong();
            ThreadGroup main = s.start(g -> {
                g.onSignal(Signal.SIGALRM, 0, (h, signal) -> rang.incrementAndGet());
                g.syscall(SYS_ALARM, 10);
                left.set(g.syscall(SYS_ALARM, 3));
                g.syscall(SYS_PAUSE);
            });
            await(() -> main.leader().accounting().activity() == TaskAccounting.Activity.SLEEP);
            clock.advanceNs(3 * SECOND);
            FakeSystem.await(main);
            assertThat(rang).hasValue(1);
            assertThat(left).hasValue(10);
        }
    }

    @Test
    void shouldRepeatAnIntervalTimer() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            AtomicInteger rang = new AtomicInteger();
            ThreadGroup main = s.start(g -> {
                g.onSignal(Signal.SIGALRM, 0, (h, signal) -> rang.incrementAndGet());
                long it = g.allocate(32);
                g.storeLong(it, 1);
                g.storeLong(it + 16, 2);
                g.syscall(SYS_SETITIMER, 0, it, 0);
                while (rang.get() < 3) {
                    g.spin();
                }
            });
            for (int i = 1; i <= 3; i++) {
                int n = i;
                await(() -> clock.waiting() == 1);
                clock.advanceNs(n == 1 ? 2 * SECOND : SECOND);
                await(() -> rang.get() >= n);
            }
            FakeSystem.await(main);
        }
    }

    @Test
    void shouldWakeAFutexWaiter() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong woken = new AtomicLong();
            WaitStatus status = s.run(g -> {
                long word = g.allocate(4);
                g.storeInt(word, 7);
                ProcessTest.thread(g, c -> {
                    while (woken.get() == 0) {
                        woken.addAndGet(c.syscall(SYS_FUTEX, word, WAKE_PRIVATE, 1));
                    }
                    c.syscall(SYS_EXIT, 0);
                });
                g.exit((int) g.syscall(SYS_FUTEX, word, WAIT_PRIVATE, 7, 0));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(0));
            assertThat(woken).hasValue(1);
        }
    }

    @Test
    void shouldNotWaitOnAWordThatChanged() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong result = new AtomicLong();
            s.run(g -> {
                long word = g.allocate(4);
                g.storeInt(word, 7);
                result.set(g.syscall(SYS_FUTEX, word, WAIT_PRIVATE, 8, 0));
            });
            assertThat(result).hasValue(-Errno.EAGAIN.number());
        }
    }

    @Test
    void shouldTimeOutOnAFutex() {
        ManualClock clock = new ManualClock();
        try (FakeSystem s = new FakeSystem(clock)) {
            AtomicLong result = new AtomicLong();
            ThreadGroup main = s.start(g -> {
                long word = g.allocate(4);
                g.storeInt(word, 0);
                result.set(g.syscall(SYS_FUTEX, word, WAIT_PRIVATE, 0, timespec(g, SECOND)));
            });
            await(() -> clock.waiting() == 1);
            clock.advanceNs(SECOND);
            FakeSystem.await(main);
            assertThat(result).hasValue(-Errno.ETIMEDOUT.number());
            assertThat(s.kernel.futexes().waiters()).isZero();
        }
    }

    @Test
    void shouldWakeAcrossProcessesThatShareThePage() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicBoolean done = new AtomicBoolean();
            WaitStatus status = s.run(g -> {
                long page = g.syscall(9, 0, 4096, 3, 0x21, -1, 0); // MAP_SHARED | MAP_ANONYMOUS
                g.storeInt(page, 5);
                long child = g.fork(c -> c.exit((int) c.syscall(SYS_FUTEX, page, WAIT_SHARED, 5, 0)));
                while (!done.get()) {
                    done.set(g.syscall(SYS_FUTEX, page, WAKE_SHARED, 1) == 1);
                }
                g.exit((int) (g.waitFor(child, 0) >> 8));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(0));
        }
    }

    @Test
    void shouldMoveWaitersToAnotherFutex() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong moved = new AtomicLong();
            AtomicInteger woken = new AtomicInteger();
            WaitStatus status = s.run(g -> {
                long a = g.allocate(4);
                long b = g.allocate(4);
                g.storeInt(a, 1);
                for (int i = 0; i < 3; i++) {
                    ProcessTest.thread(g, c -> {
                        c.syscall(SYS_FUTEX, a, WAIT_PRIVATE, 1, 0);
                        woken.incrementAndGet();
                        c.syscall(SYS_EXIT, 0);
                    });
                }
                while (s.kernel.futexes().waiters() < 3) {
                    g.spin();
                }
                moved.set(g.syscall(SYS_FUTEX, a, CMP_REQUEUE_PRIVATE, 1, 10, b, 1));
                long left = g.syscall(SYS_FUTEX, a, WAKE_PRIVATE, 10);
                long second = g.syscall(SYS_FUTEX, b, WAKE_PRIVATE, 10);
                while (woken.get() < 3) {
                    g.spin();
                }
                g.exit((int) (left * 10 + second));
            });
            assertThat(moved).hasValue(3);
            assertThat(status).isEqualTo(WaitStatus.exited(2));
        }
    }

    @Test
    void shouldMarkRobustMutexesOfADeadThread() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicInteger value = new AtomicInteger();
            s.run(g -> {
                long mutex = g.allocate(32); // next pointer, then the word
                long head = g.allocate(24);
                g.storeInt(mutex + 8, 0);
                ProcessTest.thread(g, c -> {
                    c.storeLong(head, mutex);
                    c.storeLong(head + 8, 8);
                    c.storeLong(head + 16, 0);
                    c.storeLong(mutex, head);
                    c.syscall(SYS_SET_ROBUST_LIST, head, 24);
                    c.storeInt(mutex + 8, (int) c.syscall(186) | 0x80000000);
                    c.syscall(SYS_EXIT, 0);
                });
                while (g.loadInt(mutex + 8) == 0) {
                    g.spin();
                }
                for (int w; (w = g.loadInt(mutex + 8)) > 0 || (w & 0x40000000) == 0; ) {
                    g.syscall(SYS_FUTEX, mutex + 8, WAIT_PRIVATE, w, 0);
                }
                value.set(g.loadInt(mutex + 8));
            });
            assertThat(value).hasValue(0x80000000 | 0x40000000);
        }
    }

    @Test
    void shouldClearTheTidOfADeadThread() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                long tid = g.allocate(4);
                long flags = 0x10f00 | 0x200000 | 0x100000; // thread, CHILD_CLEARTID, PARENT_SETTID
                g.clone(c -> c.syscall(SYS_EXIT, 0), flags, 0, tid, tid, 0);
                for (int v; (v = g.loadInt(tid)) != 0; ) {
                    g.syscall(SYS_FUTEX, tid, WAIT_SHARED, v, 0);
                }
                g.exit(1);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(1));
        }
    }
}
