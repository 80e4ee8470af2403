package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.CloneFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.platform.fake.FakeSystem;
import dev.stockade.sentry.platform.fake.Guest;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** fork, exec, wait and exit (fork(2), execve(2), wait(2)). */
@Timeout(240)
class ProcessTest {
    private static final int SYS_GETPID = 39;
    private static final int SYS_GETPPID = 110;
    private static final int SYS_EXIT = 60;
    private static final int SYS_PRCTL = 157;
    private static final int PR_SET_PDEATHSIG = 1;
    private static final int PR_SET_CHILD_SUBREAPER = 36;

    @Test
    void shouldGiveTheExitCodeOfPidOne() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> g.exit((int) g.syscall(SYS_GETPID) + 41));
            assertThat(status).isEqualTo(WaitStatus.exited(42));
        }
    }

    @Test
    void shouldForkAndWait() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                long x = g.allocate(8);
                g.storeLong(x, 1);
                long child = g.fork(c -> {
                    c.storeLong(x, c.loadLong(x) + 6);
                    c.exit((int) c.loadLong(x));
                });
                long st = g.waitFor(child, 0);
                // The child's write was its own.
                g.exit((int) ((st >> 8) * 10 + g.loadLong(x)));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(71));
        }
    }

    @Test
    void shouldFailToWaitWithoutChildren() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong result = new AtomicLong();
            s.run(g -> result.set(g.waitFor(-1, 0)));
            assertThat(result).hasValue(-Errno.ECHILD.number());
        }
    }

    @Test
    void shouldRunAnotherProgramAfterExec() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong pid = new AtomicLong();
            String other = s.executable("other", g -> {
                pid.set(g.syscall(SYS_GETPID));
                g.exit(5);
            });
            WaitStatus status = s.run(g -> {
                long child = g.fork(c -> {
                    c.exec(other);
                    c.exit(99);
                });
                long st = g.waitFor(child, 0);
                g.exit((int) (st >> 8) + (pid.get() == child ? 0 : 50));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(5));
        }
    }

    @Test
    void shouldFailToExecWhatIsNoProgram() {
        try (FakeSystem s = new FakeSystem()) {
            s.write("/text", new byte[] {'h', 'i'}, 0755);
            s.write("/plain", new byte[] {'h', 'i'}, 0644);
            AtomicLong missing = new AtomicLong();
            AtomicLong text = new AtomicLong();
            AtomicLong plain = new AtomicLong();
            s.run(g -> {
                missing.set(g.exec("/missing"));
                text.set(g.exec("/text"));
                plain.set(g.exec("/plain"));
            });
            assertThat(missing).hasValue(-Errno.ENOENT.number());
            assertThat(text).hasValue(-Errno.ENOEXEC.number());
            assertThat(plain).hasValue(-Errno.EACCES.number());
        }
    }

    @Test
    void shouldKillTheOtherThreadsOnExec() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong tid = new AtomicLong();
            String other = s.executable("other", g -> {
                tid.set(g.syscall(186));
                g.exit(3);
            });
            WaitStatus status = s.run(g -> {
                thread(g, ProcessTest::spinForever);
                // Not the leader: it takes the leader's id.
                thread(g, c -> c.exec(other));
                spinForever(g);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(3));
            assertThat(tid).hasValue(1);
        }
    }

    @Test
    void shouldEndAllThreadsOnExitGroup() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                thread(g, ProcessTest::spinForever);
                thread(g, c -> c.syscall(34)); // pause
                thread(g, c -> c.exit(9));
                spinForever(g);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(9));
        }
    }

    @Test
    void shouldEndWithTheLeadersCodeWhenThreadsExitOneByOne() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                long word = g.allocate(4);
                thread(g, c -> {
                    while (c.loadInt(word) == 0) {
                        c.spin();
                    }
                    c.syscall(SYS_EXIT, 8);
                });
                g.storeInt(word, 1);
                g.syscall(SYS_EXIT, 4);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(4));
        }
    }

    @Test
    void shouldHoldTheParentUntilAVforkChildIsGone() {
        try (FakeSystem s = new FakeSystem()) {
            WaitStatus status = s.run(g -> {
                long x = g.allocate(8);
                g.storeLong(x, 0);
                long child = g.vfork(c -> {
                    for (int i = 0; i < 1000; i++) {
                        c.spin();
                    }
                    c.storeLong(x, 7);
                    c.exit(0);
                });
                // Shared memory, and it has finished.
                long seen = g.loadLong(x);
                g.waitFor(child, 0);
                g.exit((int) seen);
            });
            assertThat(status).isEqualTo(WaitStatus.exited(7));
        }
    }

    @Test
    void shouldGiveOrphansToInit() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong newParent = new AtomicLong(-1);
            s.run(g -> {
                long child = g.fork(c -> {
                    c.fork(o -> {
                        while (o.syscall(SYS_GETPPID) != 1) {
                            o.spin();
                        }
                        newParent.set(o.syscall(SYS_GETPPID));
                        o.exit(0);
                    });
                    c.exit(0);
                });
                g.waitFor(child, 0);
                g.waitFor(-1, 0);
            });
            assertThat(newParent).hasValue(1);
        }
    }

    @Test
    void shouldGiveOrphansToTheSubreaper() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong newParent = new AtomicLong(-1);
            AtomicLong reaper = new AtomicLong(-2);
            s.run(g -> {
                long sub = g.fork(r -> {
                    reaper.set(r.syscall(SYS_GETPID));
                    r.syscall(SYS_PRCTL, PR_SET_CHILD_SUBREAPER, 1);
                    long middle = r.fork(c -> {
                        long me = c.syscall(SYS_GETPID);
                        c.fork(o -> {
                            while (o.syscall(SYS_GETPPID) == me) {
                                o.spin();
                            }
                            newParent.set(o.syscall(SYS_GETPPID));
                            o.exit(0);
                        });
                        c.exit(0);
                    });
                    r.waitFor(middle, 0);
                    r.waitFor(-1, 0);
                    r.exit(0);
                });
                g.waitFor(sub, 0);
            });
            assertThat(newParent.get()).isEqualTo(reaper.get());
        }
    }

    @Test
    void shouldSignalTheChildWhenItsParentDies() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicBoolean asked = new AtomicBoolean();
            WaitStatus status = s.run(g -> {
                long child = g.fork(c -> {
                    c.fork(o -> {
                        o.syscall(SYS_PRCTL, PR_SET_PDEATHSIG, Signal.SIGTERM);
                        asked.set(true);
                        spinForever(o);
                    });
                    while (!asked.get()) {
                        c.spin();
                    }
                    c.exit(0);
                });
                g.waitFor(child, 0);
                long st = g.waitFor(-1, 0);
                g.exit((int) (st & 0x7f));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(Signal.SIGTERM));
        }
    }

    @Test
    void shouldReapByItselfWhenSigchldIsIgnored() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong result = new AtomicLong();
            s.run(g -> {
                g.setAction(Signal.SIGCHLD, Signal.SIG_IGN, 0, 0);
                long child = g.fork(c -> c.exit(1));
                result.set(g.waitFor(child, 0));
            });
            assertThat(result).hasValue(-Errno.ECHILD.number());
        }
    }

    @Test
    void shouldTakeTheWholeNamespaceDownWithInit() {
        try (FakeSystem s = new FakeSystem()) {
            ThreadGroup main = s.start(g -> {
                g.fork(ProcessTest::spinForever);
                g.fork(c -> c.syscall(34));
                g.exit(6);
            });
            assertThat(FakeSystem.await(main)).isEqualTo(WaitStatus.exited(6));
            assertThat(s.kernel.awaitExit(60, TimeUnit.SECONDS)).isTrue();
            assertThat(s.kernel.tasks().taskCount()).isZero();
        }
    }

    @Test
    void shouldStartFurtherProcessesWithoutAParent() {
        try (FakeSystem s = new FakeSystem()) {
            s.start(ProcessTest::spinForever);
            AtomicLong parent = new AtomicLong(-1);
            ThreadGroup other = s.exec("other", g -> {
                parent.set(g.syscall(SYS_GETPPID));
                g.exit(4);
            });
            assertThat(FakeSystem.await(other)).isEqualTo(WaitStatus.exited(4));
            assertThat(parent).hasValue(0);
        }
    }

    @Test
    void shouldPutAReaperBeforeTheMainProcess() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong pid = new AtomicLong();
            ThreadGroup main = s.start(
                    g -> {
                        pid.set(g.syscall(SYS_GETPID));
                        // An orphan that init has to reap.
                        long child = g.fork(c -> {
                            c.fork(o -> o.exit(0));
                            c.exit(0);
                        });
                        g.waitFor(child, 0);
                        g.exit(12);
                    },
                    true);
            assertThat(FakeSystem.await(main)).isEqualTo(WaitStatus.exited(12));
            assertThat(pid).hasValue(2);
            assertThat(s.kernel.awaitExit(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void shouldRefuseMoreTasksThanTheSandboxMayHave() {
        try (FakeSystem s = new FakeSystem(new dev.stockade.sentry.time.SystemClock(), 64L << 20, 5)) {
            AtomicLong made = new AtomicLong();
            AtomicReference<Long> error = new AtomicReference<>();
            s.run(g -> {
                for (; ; ) {
                    long child = g.fork(ProcessTest::spinForever);
                    if (child < 0) {
                        error.set(child);
                        break;
                    }
                    made.incrementAndGet();
                }
            });
            assertThat(made).hasValue(4);
            assertThat(error).hasValue((long) -Errno.EAGAIN.number());
        }
    }

    @Test
    void shouldKillTheFattestProcessAtTheMemoryLimit() {
        try (FakeSystem s = new FakeSystem(new dev.stockade.sentry.time.SystemClock(), 8L << 20, 64)) {
            WaitStatus status = s.run(g -> {
                long hog = g.fork(c -> {
                    long p = c.syscall(9, 0, 64 << 20, 3, 0x22, -1, 0);
                    for (long i = 0; i < 64 << 20; i += 4096) {
                        c.storeByte(p + i, (byte) 1);
                    }
                    c.exit(0);
                });
                long st = g.waitFor(hog, 0);
                g.exit((int) (st & 0x7f));
            });
            assertThat(status).isEqualTo(WaitStatus.exited(Signal.SIGKILL));
            assertThat(s.events).anyMatch(e -> e.type().equals(EventSink.OOM_KILL));
        }
    }

    @Test
    void shouldGiveANewPidNamespaceAnInitOfItsOwn() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong inside = new AtomicLong();
            AtomicLong parent = new AtomicLong(-1);
            AtomicLong outside = new AtomicLong();
            WaitStatus status = s.run(g -> {
                long child = g.clone(
                        c -> {
                            inside.set(c.syscall(SYS_GETPID));
                            parent.set(c.syscall(SYS_GETPPID));
                            c.fork(ProcessTest::spinForever);
                            c.exit(7);
                        },
                        CloneFlags.CLONE_NEWPID | Signal.SIGCHLD,
                        0,
                        0,
                        0,
                        0);
                outside.set(child);
                g.exit((int) (g.waitFor(child, 0) >> 8));
            });
            assertThat(inside).hasValue(1);
            assertThat(parent).hasValue(0);
            assertThat(outside.get()).isGreaterThan(1);
            assertThat(status).isEqualTo(WaitStatus.exited(7));
        }
    }

    @Test
    void shouldPassABarrierInEveryRunningThread() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong unregistered = new AtomicLong();
            WaitStatus status = s.run(g -> {
                thread(g, ProcessTest::spinForever);
                thread(g, c -> c.syscall(34));
                unregistered.set(g.syscall(324, 8, 0));
                g.syscall(324, 16, 0);
                long result = 0;
                for (int i = 0; i < 50; i++) {
                    result |= g.syscall(324, 8, 0) | g.syscall(324, 1, 0);
                }
                g.exit((int) result);
            });
            assertThat(unregistered).hasValue(-Errno.EPERM.number());
            assertThat(status).isEqualTo(WaitStatus.exited(0));
        }
    }

    /** A thread of the same process. */
    static void thread(Guest g, dev.stockade.sentry.platform.fake.GuestProgram program) {
        long flags = CloneFlags.CLONE_VM
                | CloneFlags.CLONE_FS
                | CloneFlags.CLONE_FILES
                | CloneFlags.CLONE_SIGHAND
                | CloneFlags.CLONE_THREAD;
        long tid = g.clone(program, flags, 0, 0, 0, 0);
        if (tid < 0) {
            throw new IllegalStateException("clone: " + tid);
        }
    }

    static void spinForever(Guest g) {
        for (; ; ) {
            g.spin();
        }
    }
}
