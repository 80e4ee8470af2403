package dev.stockade.sentry.fs.pipe;

import static dev.stockade.sentry.vfs.TestSandbox.bytes;
import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static dev.stockade.sentry.vfs.TestSandbox.read;
import static dev.stockade.sentry.vfs.TestSandbox.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.KernelBuffer;
import dev.stockade.sentry.vfs.TestSandbox;
import dev.stockade.sentry.waiter.WaitEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PipeTest {
    private final TestSandbox s = new TestSandbox();

    @AfterEach
    void shouldLeaveNothingBehind() {
        assertThat(s.heap.usedBytes()).as("charged heap").isZero();
    }

    private Pipes.Ends pipe() throws ErrnoException {
        return Pipes.create(s.vfs, 0, 0, 0);
    }

    private static void close(Pipes.Ends p) {
        p.read().decRef();
        p.write().decRef();
    }

    @Test
    void shouldPassBytesInOrderAndEnd() throws ErrnoException {
        Pipes.Ends p = pipe();
        assertThat(errnoOf(() -> read(p.read(), 10))).isEqualTo(Errno.EAGAIN);
        write(p.write(), "hello ");
        write(p.write(), "world");
        assertThat(read(p.read(), 8)).isEqualTo("hello wo");
        p.write().decRef();
        assertThat(read(p.read(), 100)).isEqualTo("rld");
        assertThat(read(p.read(), 100)).as("the end").isEmpty();
        assertThat(p.read().readiness(-1)).isEqualTo(PollEvents.POLLHUP);
        p.read().decRef();
    }

    @Test
    void shouldBreakWithoutReaders() throws ErrnoException {
        Pipes.Ends p = pipe();
        p.read().decRef();
        assertThat(errnoOf(() -> write(p.write(), "x"))).isEqualTo(Errno.EPIPE);
        assertThat(p.write().readiness(-1) & PollEvents.POLLERR).isNotZero();
        p.write().decRef();
    }

    @Test
    void shouldHoldItsCapacityAndKeepSmallWritesWhole() throws ErrnoException {
        Pipes.Ends p = pipe();
        assertThat(write(p.write(), "x".repeat(70_000))).isEqualTo(65_536);
        assertThat(p.write().readiness(PollEvents.OUT)).isZero();
        assertThat(errnoOf(() -> write(p.write(), "y"))).isEqualTo(Errno.EAGAIN);
        read(p.read(), 4000);
        assertThat(errnoOf(() -> write(p.write(), "y".repeat(4096)))).isEqualTo(Errno.EAGAIN);
        assertThat(p.write().readiness(PollEvents.OUT)).isZero();
        assertThat(write(p.write(), "y".repeat(5000)))
                .as("a large write may be split")
                .isEqualTo(4000);
        read(p.read(), 4096);
        assertThat(p.write().readiness(PollEvents.OUT)).isEqualTo(PollEvents.OUT);
        assertThat(write(p.write(), "z".repeat(4096))).isEqualTo(4096);
        close(p);
    }

    @Test
    void shouldChangeItsCapacity() throws ErrnoException {
        Pipes.Ends p = pipe();
        PipeFile f = (PipeFile) p.write();
        assertThat(f.capacity()).isEqualTo(65_536);
        assertThat(f.setCapacity(100_000, false)).isEqualTo(131_072);
        assertThat(write(f, "x".repeat(200_000))).isEqualTo(131_072);
        assertThat(errnoOf(() -> f.setCapacity(4096, false))).isEqualTo(Errno.EBUSY);
        assertThat(errnoOf(() -> f.setCapacity(1 << 21, false))).isEqualTo(Errno.EPERM);
        assertThat(errnoOf(() -> f.setCapacity(0, false))).isEqualTo(Errno.EINVAL);
        read(p.read(), 130_000);
        assertThat(f.setCapacity(1, false)).isEqualTo(4096);
        assertThat(read(p.read(), 5000)).isEqualTo("x".repeat(1072));
        close(p);
    }

    @Test
    void shouldBeBoundedByTheHeapAccount() throws ErrnoException {
        long others = s.heap.limitBytes() - 5000;
        Pipes.Ends p = pipe();
        s.heap.charge(others - s.heap.usedBytes());
        assertThat(write(p.write(), "x".repeat(4096))).isEqualTo(4096);
        assertThat(errnoOf(() -> write(p.write(), "x"))).isEqualTo(Errno.ENOMEM);
        close(p);
        s.heap.uncharge(s.heap.usedBytes());
    }

    @Test
    void shouldRefuseFilesWithoutRoomForThem() throws ErrnoException {
        long others = s.heap.limitBytes();
        s.heap.charge(others);
        assertThat(errnoOf(this::pipe)).isEqualTo(Errno.ENFILE);
        s.heap.uncharge(others);
    }

    /** Blocks as a task would. */
    private static long blocking(FileDescription f, int mask, Callable<Long> attempt) throws Exception {
        Semaphore woken = new Semaphore(0);
        WaitEntry e = new WaitEntry() {
            @Override
            public void notify(int readyMask) {
                woken.release();
            }
        };
        f.register(e, mask);
        try {
            for (; ; ) {
                try {
                    return attempt.call();
                } catch (ErrnoException x) {
                    if (x.errno() != Errno.EAGAIN) {
                        throw x;
                    }
                }
                woken.acquire();
            }
        } finally {
            f.unregister(e);
        }
    }

    @Test
    void shouldKeepSmallWritesOfManyWritersWhole() throws Exception {
        Pipes.Ends p = pipe();
        int writers = 4;
        int records = 2000;
        try (ExecutorService pool = Executors.newFixedThreadPool(writers)) {
            List<Future<?>> done = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                char c = (char) ('a' + w);
                done.add(pool.submit(() -> {
                    for (int i = 0; i < records; i++) {
                        int n = 1 + (i * 37) % 4095;
                        byte[] record = bytes(String.valueOf(c).repeat(n) + "\n");
                        IoSource source = KernelBuffer.of(record);
                        assertThat(blocking(
                                        p.write(),
                                        PollEvents.OUT,
                                        () -> p.write().write(source)))
                                .isEqualTo(record.length);
                    }
                    return null;
                }));
            }
            AtomicInteger lines = new AtomicInteger();
            int[] next = new int[writers];
            StringBuilder line = new StringBuilder();
            while (lines.get() < writers * records) {
                KernelBuffer b = new KernelBuffer(10_000);
                blocking(p.read(), PollEvents.IN, () -> p.read().read(b.fill(10_000)));
                for (byte x : b.bytes()) {
                    if (x != '\n') {
                        line.append((char) x);
                        continue;
                    }
                    char c = line.charAt(0);
                    int expected = 1 + (next[c - 'a']++ * 37) % 4095;
                    assertThat(line.toString()).isEqualTo(String.valueOf(c).repeat(expected));
                    line.setLength(0);
                    lines.incrementAndGet();
                }
            }
            for (Future<?> f : done) {
                f.get(30, TimeUnit.SECONDS);
            }
        }
        close(p);
    }

    // ---- FIFOs ----

    private FileDescription fifo(int flags) throws ErrnoException {
        return s.vfs.open(s.context, null, bytes("/fifo"), flags, 0);
    }

    private void makeFifo() throws ErrnoException {
        s.root(s.newTmpfs());
        s.vfs.changes().mknod(s.context, null, bytes("/fifo"), FileMode.S_IFIFO | 0666, 0);
    }

    private void removeFifo() {
        s.mounts().rootMount().filesystem().close();
    }

    @Test
    void shouldWaitForTheOtherEndOfAFifo() throws ErrnoException {
        makeFifo();
        FileDescription r = fifo(OpenFlags.O_RDONLY);
        assertThat(r.pendingOpen()).isNotNull();
        FileDescription w = fifo(OpenFlags.O_WRONLY);
        assertThat(w.pendingOpen()).isNull();
        assertThat(r.pendingOpen()).isNull();
        write(w, "through");
        w.decRef();
        assertThat(read(r, 100)).isEqualTo("through");
        assertThat(read(r, 100)).isEmpty();
        r.decRef();
        removeFifo();
    }

    @Test
    void shouldOpenAFifoEvenIfTheOtherEndWentAtOnce() throws ErrnoException {
        makeFifo();
        FileDescription r = fifo(OpenFlags.O_RDONLY);
        fifo(OpenFlags.O_WRONLY).decRef();
        assertThat(r.pendingOpen()).isNull();
        assertThat(read(r, 1)).isEmpty();
        r.decRef();
        removeFifo();
    }

    @Test
    void shouldOpenAFifoWithoutWaiting() throws ErrnoException {
        makeFifo();
        assertThat(errnoOf(() -> fifo(OpenFlags.O_WRONLY | OpenFlags.O_NONBLOCK)))
                .isEqualTo(Errno.ENXIO);
        FileDescription r = fifo(OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
        assertThat(r.pendingOpen()).isNull();
        assertThat(r.readiness(-1)).as("no hang-up before there was a writer").isZero();
        FileDescription both = fifo(OpenFlags.O_RDWR);
        assertThat(both.pendingOpen()).isNull();
        write(both, "x");
        both.decRef();
        assertThat(r.readiness(-1)).isEqualTo(PollEvents.IN | PollEvents.POLLHUP);
        r.decRef();
        removeFifo();
    }

    // ---- ends outside the sandbox ----

    @Test
    void shouldFeedAGuestWithBackpressure() throws ErrnoException {
        HostInput in = new HostInput(s.vfs, 0, 0);
        AtomicInteger told = new AtomicInteger();
        in.onWritable(told::incrementAndGet);
        byte[] data = bytes("d".repeat(100_000));
        int taken = in.offer(data, 0, data.length);
        assertThat(taken).isEqualTo(65_536);
        assertThat(in.offer(data, taken, 1)).isZero();
        assertThat(read(in.guestEnd(), 30_000)).hasSize(30_000);
        assertThat(told).hasValue(1);
        assertThat(in.offer(data, taken, data.length - taken)).isEqualTo(30_000);
        in.close();
        in.close();
        assertThat(errnoOf(() -> in.offer(data, 0, 1))).isEqualTo(Errno.EPIPE);
        assertThat(read(in.guestEnd(), 100_000)).hasSize(65_536);
        assertThat(read(in.guestEnd(), 1)).isEmpty();
        in.guestEnd().decRef();
        assertThat(in.isReaderGone()).isTrue();
    }

    @Test
    void shouldDrainAGuestAndSeeItsEnd() throws ErrnoException {
        HostOutput out = new HostOutput(s.vfs, 0, 0);
        assertThat(out.poll(10)).isEmpty();
        write(out.guestEnd(), "out");
        assertThat(out.poll(2)).isEqualTo(bytes("ou"));
        assertThat(out.poll(2)).isEqualTo(bytes("t"));
        out.guestEnd().decRef();
        assertThat(out.poll(2)).isNull();
        out.close();
        HostOutput closed = new HostOutput(s.vfs, 0, 0);
        closed.close();
        assertThat(errnoOf(() -> write(closed.guestEnd(), "x"))).isEqualTo(Errno.EPIPE);
        closed.guestEnd().decRef();
    }

    @Test
    void shouldOpenAPipeAgainThroughItsPlace() throws ErrnoException {
        Pipes.Ends p = pipe();
        FileDescription again = s.root(s.newTmpfs())
                .vfs
                .open(s.context, Objects.requireNonNull(p.read().location()), OpenFlags.O_RDONLY);
        write(p.write(), "both");
        assertThat(read(again, 2)).isEqualTo("bo");
        assertThat(read(p.read(), 2)).isEqualTo("th");
        again.decRef();
        p.write().decRef();
        again = s.vfs.open(s.context, Objects.requireNonNull(p.read().location()), OpenFlags.O_RDONLY);
        assertThat(again.pendingOpen()).as("waits for no writer").isNull();
        assertThat(read(again, 1)).isEmpty();
        again.decRef();
        p.read().decRef();
        removeFifo();
    }
}
