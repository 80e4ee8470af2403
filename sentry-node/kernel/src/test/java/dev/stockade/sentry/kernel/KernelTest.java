package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.platform.fake.FakeSystem;
import dev.stockade.sentry.time.SystemClock;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the node sees of a kernel: start, failure, shutdown. */
@Timeout(240)
class KernelTest {
    private static final int SYS_PAUSE = 34;

    @Test
    void shouldLeaveNoThreadBehind() {
        String name;
        try (FakeSystem s = new FakeSystem()) {
            name = s.kernel.config().name() + "/";
            s.start(g -> {
                for (int i = 0; i < 10; i++) {
                    ProcessTest.thread(g, c -> c.syscall(SYS_PAUSE));
                    g.fork(ProcessTest::spinForever);
                }
                g.syscall(37, 1000); // alarm: the timer thread runs
                g.syscall(SYS_PAUSE);
            });
            s.exec("other", ProcessTest::spinForever);
        }
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(n -> n.startsWith(name));
    }

    @Test
    void shouldEndOnlyTheSandboxWhoseKernelFails() throws Exception {
        FakeSystem failing = new FakeSystem();
        try (FakeSystem healthy = new FakeSystem()) {
            ThreadGroup other = healthy.start(ProcessTest::spinForever);
            failing.start(g -> {
                ProcessTest.thread(g, c -> c.syscall(SYS_PAUSE));
                g.fork(ProcessTest::spinForever);
                throw new IllegalStateException("the platform breaks");
            });
            assertThat(failing.kernel.onPanic().get(60, TimeUnit.SECONDS)).contains("the platform breaks");
            assertThat(failing.kernel.awaitExit(60, TimeUnit.SECONDS)).isTrue();
            assertThat(failing.events).anyMatch(e -> e.type().equals(EventSink.KERNEL_PANIC));
            assertThat(other.onExit()).isNotDone();
        } finally {
            failing.kernel.close();
        }
        assertThat(failing.processor.isClosed()).isTrue();
        assertThat(failing.processor.openContexts()).isZero();
        assertThat(failing.budget.used()).isZero();
    }

    @Test
    void shouldStartNothingAfterTheFirstProcessIsGone() {
        try (FakeSystem s = new FakeSystem()) {
            s.run(g -> g.exit(0));
            String path = s.executable("late", g -> g.exit(0));
            assertThatThrownBy(() -> s.kernel.exec(s.spec(path, Credentials.root(s.kernel.userNamespace()))))
                    .isInstanceOf(ErrnoException.class)
                    .hasMessage("ENOMEM");
        }
    }

    @Test
    void shouldGiveAllMemoryBack() {
        try (FakeSystem s = new FakeSystem()) {
            String other = s.executable("other", g -> g.exit(0));
            AtomicLong before = new AtomicLong();
            AtomicLong after = new AtomicLong();
            s.run(g -> {
                for (int round = 0; round < 400; round++) {
                    if (round == 200) {
                        before.set(s.kernel.frames().usedBytes());
                    }
                    long child = g.fork(c -> {
                        ProcessTest.thread(c, ProcessTest::spinForever);
                        c.exec(other);
                    });
                    g.waitFor(child, 0);
                }
                after.set(s.kernel.frames().usedBytes());
            });
            assertThat(after.get()).isLessThanOrEqualTo(before.get() + (64 << 10));
            assertThat(s.kernel.tasks().taskCount()).isZero();
        }
    }

    @Test
    void shouldEndAForkBombByKillingEverything() {
        try (FakeSystem s = new FakeSystem(new SystemClock(), 64L << 20, 40)) {
            s.start(g -> bomb(g, 0));
            while (s.kernel.tasks().taskCount() < 40) {
                Thread.onSpinWait();
            }
            s.kernel.killAll();
            assertThat(s.kernel.awaitExit(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    private static void bomb(dev.stockade.sentry.platform.fake.Guest g, int depth) {
        for (; ; ) {
            g.fork(c -> bomb(c, depth + 1));
            g.spin();
        }
    }
}
