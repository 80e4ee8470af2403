package dev.stockade.sentry.server.gofer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.GoferNode;
import dev.stockade.sentry.fs.gofer.GoferWalk;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GrpcGoferClientTest {
    private static final GoferTimeouts PATIENT =
            new GoferTimeouts(Duration.ofSeconds(60), Duration.ofSeconds(20), Duration.ofMillis(10));

    private final FakeGofer gofer = new FakeGofer()
            .put("etc", "/")
            .put("etc/deep", "/")
            .put("etc/deep/file", "content")
            .put("etc/link", "->deep/file");
    private GoferChannels channels = new GoferChannels(PATIENT, List.of());

    @AfterEach
    void close() {
        channels.close();
        gofer.close();
    }

    private GrpcGoferClient attach() throws ErrnoException {
        return channels.attach(gofer.address(), FakeGofer.IMAGE, "sandbox");
    }

    private static List<byte[]> names(String... names) {
        return Arrays.stream(names)
                .map(name -> name.getBytes(StandardCharsets.UTF_8))
                .toList();
    }

    private static long walk(GrpcGoferClient client, String... names) throws ErrnoException {
        GoferWalk walk = client.walk(client.root().handle(), names(names));
        assertThat(walk.error()).isNull();
        return walk.nodes().getLast().handle();
    }

    private static String read(GrpcGoferClient client, long handle) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(100);
            int n = client.read(handle, 0, buffer);
            return new String(buffer.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatExceptionOfType(ErrnoException.class)
                .isThrownBy(call)
                .extracting(ErrnoException::errno)
                .isEqualTo(errno);
    }

    private static void await(BooleanSupplier condition) {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("deadline").isLessThan(deadlineNs);
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldReachFiles() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            assertThat(client.root().attr().isDirectory()).isTrue();
            GoferWalk walk = client.walk(client.root().handle(), names("etc", "deep", "file"));
            assertThat(walk.error()).isNull();
            assertThat(walk.nodes()).hasSize(3);
            long file = walk.nodes().getLast().handle();
            assertThat(client.stat(file).size()).isEqualTo(7);
            assertThat(read(client, file)).isEqualTo("content");
            GoferNode link = client.walk(walk.nodes().getFirst().handle(), names("link"))
                    .nodes()
                    .getFirst();
            assertThat(link.symlinkTarget()).isEqualTo("deep/file".getBytes(StandardCharsets.UTF_8));
            assertThat(client.readLink(link.handle())).isEqualTo("deep/file".getBytes(StandardCharsets.UTF_8));
            assertThat(client.readDir(walk.nodes().getFirst().handle()))
                    .extracting(e -> new String(e.name(), StandardCharsets.UTF_8))
                    .containsExactly("deep", "link");
            assertThat(client.statFs(file).nameLength()).isEqualTo(255);
        }
    }

    @Test
    void shouldSayWhereAWalkStopped() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            GoferWalk missing = client.walk(client.root().handle(), names("etc", "none"));
            assertThat(missing.nodes()).hasSize(1);
            assertThat(missing.error()).isEqualTo(Errno.ENOENT);
            assertThat(client.walk(client.root().handle(), names("none")).error())
                    .isEqualTo(Errno.ENOENT);
            long file = walk(client, "etc", "deep", "file");
            assertThat(client.walk(file, names("x")).error()).isEqualTo(Errno.ENOTDIR);
        }
    }

    @Test
    void shouldReadLargeFilesWhole() throws ErrnoException {
        byte[] content = new byte[9_000_001];
        new Random(3).nextBytes(content);
        gofer.put("large", content);
        try (GrpcGoferClient client = attach();
                Arena arena = Arena.ofConfined()) {
            long large = walk(client, "large");
            MemorySegment all = arena.allocate(10_000_000);
            assertThat(client.read(large, 0, all)).isEqualTo(content.length);
            assertThat(all.asSlice(0, content.length).mismatch(MemorySegment.ofArray(content)))
                    .isEqualTo(-1);
            MemorySegment some = MemorySegment.ofArray(new byte[10]);
            assertThat(client.read(large, 9_000_000, some)).isEqualTo(1);
            assertThat(client.read(large, 9_000_001, some)).isZero();
        }
    }

    @Test
    void shouldPassErrnosOn() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            long file = walk(client, "etc", "deep", "file");
            assertErrno(Errno.EINVAL, () -> client.readLink(file));
            assertErrno(Errno.ENOTDIR, () -> client.readDir(file));
            assertErrno(Errno.EBADF, () -> client.stat(4711));
            client.release(file);
            assertErrno(Errno.EBADF, () -> client.stat(file));
        }
        assertErrno(Errno.ENOENT, () -> channels.attach(gofer.address(), "sha256:other", "sandbox"));
    }

    @Test
    void shouldGoOnAfterTheGoferWasRestarted() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            long directory = walk(client, "etc", "deep");
            long file = walk(client, "etc", "deep", "file");
            gofer.stop();
            gofer.start();
            assertThat(read(client, file)).isEqualTo("content");
            assertThat(client.walk(directory, names("file")).error()).isNull();
            assertThat(gofer.attaches.get()).isEqualTo(2);
        }
    }

    @Test
    void shouldWaitForAGoferThatIsAway() throws Exception {
        try (GrpcGoferClient client = attach()) {
            long file = walk(client, "etc", "deep", "file");
            gofer.stop();
            CompletableFuture<String> waiting = new CompletableFuture<>();
            Thread reader = Thread.ofPlatform().start(() -> {
                try {
                    waiting.complete(read(client, file));
                } catch (ErrnoException e) {
                    waiting.completeExceptionally(e);
                }
            });
            await(() -> reader.getState() == Thread.State.TIMED_WAITING);
            gofer.start();
            assertThat(waiting.get(60, TimeUnit.SECONDS)).isEqualTo("content");
        }
    }

    @Test
    void shouldGiveUpWithEioAndRecoverLater() throws ErrnoException {
        channels.close();
        channels = new GoferChannels(PATIENT.withOperation(Duration.ofSeconds(2)), List.of());
        try (GrpcGoferClient client = attach()) {
            long file = walk(client, "etc", "deep", "file");
            gofer.stop();
            assertErrno(Errno.EIO, () -> client.stat(file));
            assertErrno(Errno.EIO, () -> attach());
            gofer.start();
            await(() -> {
                try {
                    return client.stat(file).size() == 7;
                } catch (ErrnoException e) {
                    return false;
                }
            });
        }
    }

    @Test
    void shouldGiveUpOnAGoferThatDoesNotAnswer() throws ErrnoException {
        channels.close();
        channels = new GoferChannels(
                new GoferTimeouts(Duration.ofSeconds(3), Duration.ofSeconds(1), Duration.ofMillis(10)), List.of());
        try (GrpcGoferClient client = attach()) {
            gofer.mute = true;
            assertErrno(Errno.EIO, () -> client.stat(client.root().handle()));
            gofer.mute = false;
            assertThat(client.stat(client.root().handle()).isDirectory()).isTrue();
        }
    }

    @Test
    void shouldEndAWaitWhenTheThreadIsInterrupted() throws Exception {
        try (GrpcGoferClient client = attach()) {
            long file = walk(client, "etc", "deep", "file");
            gofer.mute = true;
            CompletableFuture<Errno> ended = new CompletableFuture<>();
            Thread task = Thread.ofPlatform().start(() -> {
                try {
                    client.stat(file);
                    ended.completeExceptionally(new AssertionError("answered"));
                } catch (ErrnoException e) {
                    assertThat(Thread.currentThread().isInterrupted()).isTrue();
                    ended.complete(e.errno());
                }
            });
            await(() -> task.getState() == Thread.State.WAITING || task.getState() == Thread.State.TIMED_WAITING);
            task.interrupt();
            assertThat(ended.get(60, TimeUnit.SECONDS)).isEqualTo(Errno.EINTR);
        }
    }

    @Test
    void shouldAttachAnewOnceWhenManyNotice() throws Exception {
        try (GrpcGoferClient client = attach()) {
            long file = walk(client, "etc", "deep", "file");
            gofer.forgetSessions();
            List<Thread> readers = IntStream.range(0, 8)
                    .mapToObj(i -> Thread.ofPlatform().start(() -> {
                        try {
                            read(client, file);
                        } catch (ErrnoException e) {
                            throw new AssertionError(e);
                        }
                    }))
                    .toList();
            for (Thread reader : readers) {
                reader.join();
            }
            assertThat(gofer.attaches.get()).isEqualTo(2);
            assertThat(gofer.sessionCount()).isEqualTo(1);
            // The handles of the way and of those who walked at the same time are given back.
            await(() -> gofer.handleCount() == 2);
        }
    }

    @Test
    void shouldTryAgainWhenTheGoferIsBusy() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            gofer.busy.set(3);
            assertThat(read(client, walk(client, "etc", "deep", "file"))).isEqualTo("content");
            assertThat(gofer.reads.get()).isEqualTo(4);
        }
    }

    @Test
    void shouldReleaseHandlesInTheBackground() throws ErrnoException {
        try (GrpcGoferClient client = attach()) {
            for (int i = 0; i < 1000; i++) {
                GoferWalk walk = client.walk(client.root().handle(), names("etc", "deep"));
                client.release(
                        walk.nodes().stream().mapToLong(GoferNode::handle).toArray());
            }
            await(() -> gofer.handleCount() == 1);
            client.release(client.root().handle());
            assertThat(client.stat(client.root().handle()).isDirectory()).isTrue();
        }
    }

    @Test
    void shouldShareOneChannelAndLeaveNothing() throws ErrnoException {
        GrpcGoferClient first = attach();
        GrpcGoferClient second = attach();
        assertThat(channels.size()).isEqualTo(1);
        first.close();
        assertThat(read(second, walk(second, "etc", "deep", "file"))).isEqualTo("content");
        second.close();
        second.close();
        assertThat(channels.size()).isZero();
        await(() -> gofer.sessionCount() == 0);
        assertErrno(Errno.EIO, () -> second.stat(1));
    }
}
