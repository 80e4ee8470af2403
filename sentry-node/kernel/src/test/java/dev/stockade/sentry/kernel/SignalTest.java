package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.platform.fake.FakeSystem;
import dev.stockade.sentry.platform.fake.Guest;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Signals, restarts and job control (signal(7), sigaction(2)). */
@Timeout(240)
class SignalTest {
    private static final int SYS_RT_SIGPROCMASK = 14;
    private static final int SYS_PAUSE = 34;
    private static final int SYS_KILL = 62;
    private static final int SYS_GETPID = 39;
    private static final int SYS_SETPGID = 109;
    private static final int SYS_SETSID = 112;
    private static final int SYS_RT_SIGPENDING = 127;
    private static final int SYS_RT_SIGTIMEDWAIT = 128;
    private static final int SYS_RT_SIGQUEUEINFO = 129;
    private static final int SYS_RT_SIGSUSPEND = 130;
    private static final int SYS_SIGALTSTACK = 131;
    private static final int SYS_SETUID = 105;
    private static final int WUNTRACED = 2;
    private static final int WCONTINUED = 8;

    private static void mask(Guest g, int how, long set) {
        long p = g.allocate(8);
        g.storeLong(p, set);
        g.syscall(SYS_RT_SIGPROCMASK, how, p, 0, 8);
    }

    @Test
    void shouldCallAHandlerAndGoBack() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicInteger seen = new AtomicInteger();
            WaitStatus status = s.run(g -> {
                g.onSignal(Signal.SIGUSR1, 0, (h, signal) -> seen.set(signal));
                g.registers().rbx = 1234;
                g.syscall(SYS_KILL, g.syscall(SYS_GETPID), Signal.SIGUSR1);
                g.exit(g.registers().rbx == 1234 ? 1 : 2);
            });
            assertThat(seen).hasValue(Signal.SIGUSR1);
            assertThat(status).isEqualTo(WaitStatus.exited(1));
        }
    }

    @Test
    void shouldKeepTheRedZoneAndAlignTheFrame() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong before = new AtomicLong();
            AtomicLong frame = new AtomicLong();
            s.run(g -> {
                g.onSignal(Signal.SIGUSR1, 0, (h, signal) -> frame.set(h.registers().rsp));
                before.set(g.registers().rsp);
                g.syscall(SYS_KILL, g.syscall(SYS_GETPID), Signal.SIGUSR1);
            });
            assertThat(before.get() - frame.get()).isGreaterThan(128 + 440 + 832);
            assertThat(frame.get() & 15).isEqualTo(8);
        }
    }

    @Test
    void shouldRunTheHandlerOnTheAlternateStack() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicBoolean inside = new AtomicBoolean();
            AtomicLong flags = new AtomicLong();
            s.run(g -> {
                long stack = g.allocate(8192);
                long ss = g.allocate(24);
                g.storeLong(ss, stack);
                g.storeLong(ss + 16, 8192);
                g.syscall(SYS_SIGALTSTACK, ss, 0);
                g.onSignal(Signal.SIGUSR1, Signal.SA_ONSTACK, (h, signal) -> {
                    inside.set(h.registers().rsp > stack && h.registers().rsp < stack + 8192);
                    h.syscall(SYS_SIGALTSTACK, 0, ss);
                    flags.set(h.loadInt(ss + 8));
                });
                g.syscall(SYS_KILL, g.syscall(SYS_GETPID), Signal.SIGUSR1);
            });
            assertThat(inside).isTrue();
            assertThat(flags).hasValue(Signal.SS_ONSTACK);
        }
    }

    @Test
    void shouldHoldBackBlockedSignals() {
        try (FakeSystem s = new FakeSystem()) {
            List<String> order = new CopyOnWriteArrayList<>();
            AtomicLong pending = new AtomicLong();
            s.run(g -> {
                g.onSignal(Signal.SIGUSR1, 0, (h, signal) -> order.add("handler"));
                mask(g, Signal.SIG_BLOCK, Signal.bit(Signal.SIGUSR1));
                g.syscall(SYS_KILL, g.syscall(SYS_GETPID), Signal.SIGUSR1);
                order.add("blocked");
                long p = g.allocate(8);
                g.syscall(SYS_RT_SIGPENDING, p, 8);
                pending.set(g.loadLong(p));
                mask(g, Signal.SIG_UNBLOCK, Signal.bit(Signal.SIGUSR1));
                order.add("unblocked");
            });
            assertThat(order).containsExactly("blocked", "handler", "unblocked");
            assertThat(pending).hasValue(Signal.bit(Signal.SIGUSR1));
        }
    }

    @Test
    void shouldQueueRealTimeSignalsInOrder() {
        try (FakeSystem s = new FakeSystem()) {
            List<Integer> order = new CopyOnWriteArrayList<>();
            s.run(g -> {
                g.onSignal(40, 0, (h, signal) -> order.add(signal));
                g.onSignal(36, 0, (h, signal) -> order.add(signal));
                g.onSignal(Signal.SIGUSR2, 0, (h, signal) -> order.add(signal));
                mask(g, Signal.SIG_SETMASK, -1L);
                long me = g.syscall(SYS_GETPID);
                g.syscall(SYS_KILL, me, 40);
                g.syscall(SYS_KILL, me, 36);
                g.syscall(SYS_KILL, me, 36);
                g.syscall(SYS_KILL, me, Signal.SIGUSR2);
                g.syscall(SYS_KILL, me, Signal.SIGUSR2);
                mask(g, Signal.SIG_SETMASK, 0);
            });
            // Delivered lowest first, so the frames nest and the highest handler runs first.
            assertThat(order).containsExactlyInAnyOrder(Signal.SIGUSR2, 36, 36, 40);
        }
    }

    @Test
    void shouldRefuseMoreQueuedSignalsThanTheLimit() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong queued = new AtomicLong();
            AtomicLong error = new AtomicLong();
            s.run(g -> {
                mask(g, Signal.SIG_SETMASK, -1L);
                long limit = g.allocate(16);
                g.storeLong(limit, 3);
                g.storeLong(limit + 8, 3);
                g.syscall(160, 11, limit);
                long info = g.allocate(128);
                g.storeInt(info + 8, Signal.SI_QUEUE);
                long me = g.syscall(SYS_GETPID);
                for (; ; ) {
                    long r = g.syscall(SYS_RT_SIGQUEUEINFO, me, 40, info);
                    if (r != 0) {
                        error.set(r);
                        break;
                    }
                    queued.incrementAndGet();
                }
            });
            assertThat(queued).hasValue(3);
            assertThat(error).hasValue(-Errno.EAGAIN.number());
        }
    }

    @Test
    void shouldRestartACallWithSaRestartAndFailItWithout() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong without = new AtomicLong();
            AtomicInteger handled = new AtomicInteger();
            WaitStatus status = s.run(g -> {
                long me = g.syscall(SYS_GETPID);
                g.onSignal(Signal.SIGUSR1, 0, (h, signal) -> handled.incrementAndGet());
                AtomicBoolean go = new AtomicBoolean();
                g.onSignal(Signal.SIGUSR2, Signal.SA_RESTART, (h, signal) -> go.set(true));
                long child = g.fork(c -> {
                    while (handled.get() == 0) {
                        c.syscall(SYS_KILL, me, Signal.SIGUSR1);
                        c.spin();
                    }
                    while (!go.get()) {
                        c.syscall(SYS_KILL, me, Signal.SIGUSR2);
                        c.spin();
                    }
                    c.exit(3);
                });
                do {
                    without.set(g.waitFor(child, 0));
                } while (without.get() != -Errno.EINTR.number() && handled.get() == 0);
                // One that was sent meanwhile shall not disturb.
                g.setAction(Signal.SIGUSR1, Signal.SIG_IGN, 0, 0);
                // wait4 with SA_RESTART goes on waiting.
                g.exit((int) (g.waitFor(child, 0) >> 8));
            });
            assertThat(handled.get()).isPositive();
            assertThat(status).isEqualTo(WaitStatus.exited(3));
        }
    }

    @Test
    void shouldInterruptPauseOnlyByAHandledSignal() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicInteger handled = new AtomicInteger();
            AtomicLong result = new AtomicLong();
            ThreadGroup main = s.start(g -> {
                g.onSignal(Signal.SIGUSR1, Signal.SA_RESTART, (h, signal) -> handled.incrementAndGet());
                result.set(g.syscall(SYS_PAUSE));
            });
            while (!main.onExit().isDone()) {
                s.kernel.signal(main, Signal.SIGCHLD);
                s.kernel.signal(main, Signal.SIGUSR1);
                Thread.onSpinWait();
            }
            assertThat(result).hasValue(-Errno.EINTR.number());
            assertThat(handled.get()).isPositive();
        }
    }

    @Test
    void shouldSuspendWithAnotherMask() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicInteger handled = new AtomicInteger();
            AtomicLong result = new AtomicLong();
            WaitStatus status = s.run(g -> {
                mask(g, Signal.SIG_BLOCK, Signal.bit(Signal.SIGUSR1));
                g.onSignal(Signal.SIGUSR1, 0, (h, signal) -> handled.incrementAndGet());
                g.syscall(SYS_KILL, g.syscall(SYS_GETPID), Signal.SIGUSR1);
                long p = g.allocate(8);
                g.storeLong(p, 0);
                result.set(g.syscall(SYS_RT_SIGSUSPEND, p, 8));
                g.syscall(SYS_RT_SIGPROCMASK, 0, 0, p, 8);
                g.exit(g.loadLong(p) == Signal.bit(Signal.SIGUSR1) ? 1 : 2);
            });
            assertThat(handled).hasValue(1);
            assertThat(result).hasValue(-Errno.EINTR.number());
            assertThat(status).isEqualTo(WaitStatus.exited(1));
        }
    }

    @Test
    void shouldTakeASignalWithSigtimedwait() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong taken = new AtomicLong();
            AtomicLong none = new AtomicLong();
            s.run(g -> {
                mask(g, Signal.SIG_BLOCK, Signal.bit(Signal.SIGUSR1));
                long me = g.syscall(SYS_GETPID);
                long set = g.allocate(8);
                g.storeLong(set, Signal.bit(Signal.SIGUSR1));
                long zero = g.allocate(16);
                none.set(g.syscall(SYS_RT_SIGTIMEDWAIT, set, 0, zero, 8));
                g.fork(c -> {
                    c.syscall(SYS_KILL, me, Signal.SIGUSR1);
                    c.exit(0);
                });
                taken.set(g.syscall(SYS_RT_SIGTIMEDWAIT, set, 0, 0, 8));
            });
            assertThat(none).hasValue(-Errno.EAGAIN.number());
            assertThat(taken).hasValue(Signal.SIGUSR1);
        }
    }

    @Test
    void shouldProtectInitFromSignalsWithoutAHandler() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                long child = g.fork(c -> {
                    c.syscall(SYS_KILL, 1, Signal.SIGTERM);
                    c.syscall(SYS_KILL, 1, Signal.SIGKILL);
                    c.syscall(SYS_KILL, 1, Signal.SIGSTOP);
                    c.exit(0);
                });
                g.waitFor(child, 0);
                g.exit(4);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(4));
        }
    }

    @Test
    void shouldKillInitFromOutside() {
        try (FakeSystem s = new FakeSystem()) {
            ThreadGroup main = s.start(g -> g.syscall(SYS_PAUSE));
            assertThat(s.kernel.signal(main, Signal.SIGKILL)).isTrue();
            assertThat(FakeSystem.await(main)).isEqualTo(WaitStatus.killed(Signal.SIGKILL));
        }
    }

    @Test
    void shouldKillAProgramThatFaults() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong address = new AtomicLong();
            WaitStatus status = s.run(g -> {
                g.onSignal(
                        Signal.SIGSEGV,
                        Signal.SA_SIGINFO | Signal.SA_RESETHAND,
                        (h, signal) -> address.set(h.loadLong(h.registers().rsi + 16)));
                g.storeByte(0x1234, (byte) 1);
            });
            // The handler ran once, then the default action, which kills an init too.
            assertThat(address).hasValue(0x1234);
            assertThat(status).isEqualTo(WaitStatus.killed(Signal.SIGSEGV));
        }
    }

    @Test
    void shouldStopAndContinueAGroup() {
        try (FakeSystem s = new FakeSystem()) {
            List<Long> statuses = new CopyOnWriteArrayList<>();
            s.run(g -> {
                long child = g.fork(c -> {
                    ProcessTest.thread(c, ProcessTest::spinForever);
                    ProcessTest.thread(c, t -> t.syscall(SYS_PAUSE));
                    ProcessTest.spinForever(c);
                });
                g.syscall(SYS_KILL, child, Signal.SIGSTOP);
                statuses.add(g.waitFor(child, WUNTRACED));
                g.syscall(SYS_KILL, child, Signal.SIGCONT);
                statuses.add(g.waitFor(child, WCONTINUED));
                g.syscall(SYS_KILL, child, Signal.SIGTERM);
                statuses.add(g.waitFor(child, 0));
            });
            assertThat(statuses).containsExactly((long) Signal.SIGSTOP << 8 | 0x7f, 0xffffL, (long) Signal.SIGTERM);
        }
    }

    @Test
    void shouldKillAStoppedProcess() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong status = new AtomicLong();
            s.run(g -> {
                long child = g.fork(ProcessTest::spinForever);
                g.syscall(SYS_KILL, child, Signal.SIGSTOP);
                g.waitFor(child, WUNTRACED);
                g.syscall(SYS_KILL, child, Signal.SIGKILL);
                status.set(g.waitFor(child, 0));
            });
            assertThat(status).hasValue(Signal.SIGKILL);
        }
    }

    @Test
    void shouldHangUpAnOrphanedStoppedGroup() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong status = new AtomicLong();
            s.run(g -> {
                long leader = g.fork(l -> {
                    l.syscall(SYS_SETSID);
                    long job = l.fork(j -> {
                        j.syscall(SYS_SETPGID, 0, 0);
                        ProcessTest.spinForever(j);
                    });
                    l.syscall(SYS_SETPGID, job, job);
                    l.syscall(SYS_KILL, job, Signal.SIGTSTP);
                    l.waitFor(job, WUNTRACED);
                    l.exit(0);
                });
                g.waitFor(leader, 0);
                // SIGHUP killed the job once nobody could continue it.
                status.set(g.waitFor(-1, 0));
            });
            assertThat(status).hasValue(Signal.SIGHUP);
        }
    }

    @Test
    void shouldNotLetOthersSignalWithoutPermission() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong result = new AtomicLong();
            s.run(g -> {
                long child = g.fork(c -> {
                    c.syscall(SYS_SETUID, 1000);
                    result.set(c.syscall(SYS_KILL, 1, 0));
                    c.exit(0);
                });
                g.waitFor(child, 0);
            });
            assertThat(result).hasValue(-Errno.EPERM.number());
        }
    }

    @Test
    void shouldNotBeImpressedByAForgedFrame() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                g.registers().rsp = 0x10;
                g.syscall(15);
            });
            assertThat(status).isEqualTo(WaitStatus.killed(Signal.SIGSEGV));
        }
    }

    @Test
    void shouldPauseAndResumeEverything() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong count = new AtomicLong();
            ThreadGroup main = s.start(g -> {
                for (; ; ) {
                    count.incrementAndGet();
                    g.spin();
                }
            });
            await(() -> count.get() > 0);
            s.kernel.pause();
            await(() -> main.leader().accounting().activity() == TaskAccounting.Activity.STOPPED);
            long stopped = count.get();
            s.kernel.signal(main, Signal.SIGCHLD);
            assertThat(count).hasValue(stopped);
            s.kernel.resume();
            await(() -> count.get() > stopped);
        }
    }

    @Test
    void shouldEndAPausedSandbox() {
        try (FakeSystem s = new FakeSystem()) {
            s.start(g -> g.syscall(SYS_PAUSE));
            s.exec("other", ProcessTest::spinForever);
            s.kernel.pause();
            s.kernel.killAll();
            assertThat(s.kernel.awaitExit(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void shouldKeepAnUnprivilegedUsersIdentity() {
        Credentials c = Credentials.root(new dev.stockade.sentry.auth.UserNamespace(null))
                .withUids(5, 5, 5, 5);
        assertThat(c.permitted()).isZero();
        assertThat(c.effective()).isZero();
        assertThat(c.afterExec(0, 0).effective()).isEqualTo(Credentials.ALL_CAPABILITIES);
    }

    private static void await(java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the condition did not come");
            }
            Thread.onSpinWait();
        }
    }
}
