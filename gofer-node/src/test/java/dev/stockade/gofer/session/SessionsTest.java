package dev.stockade.gofer.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.gofer.TarBytes;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.StoreFixture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SessionsTest {
    private static final SessionLimits LIMITS = new SessionLimits(4, 3, 50, 10, 8, 2, 3, 4096, Duration.ofHours(1));

    @TempDir
    private Path root;

    private final AtomicLong nowNs = new AtomicLong();
    private ImageStore store;
    private Sessions sessions;
    private String image;
    private int descriptorsBefore;

    @BeforeEach
    void open() throws Exception {
        descriptorsBefore = HostDirectory.openDescriptors();
        store = StoreFixture.open(root, new StoreFixture.SetClock());
        sessions = new Sessions(store, LIMITS, nowNs::get);
        image = StoreFixture.importTar(
                        store, "image", new TarBytes().file("d/f", "content").bytes())
                .id();
    }

    @AfterEach
    void close() throws Exception {
        sessions.close();
        assertThat(sessions.handleCount()).isZero();
        assertThat(sessions.readCount()).isZero();
        store.close();
        assertThat(HostDirectory.openDescriptors()).as("leaked descriptors").isEqualTo(descriptorsBefore);
    }

    private Session attach(String peer) throws ErrnoException {
        return sessions.attach(peer, image, "sandbox", 1);
    }

    private static List<byte[]> names(String... names) {
        return Arrays.stream(names)
                .map(name -> name.getBytes(StandardCharsets.UTF_8))
                .toList();
    }

    private static long file(Session session) throws ErrnoException {
        return session.walk(session.rootHandle(), names("d", "f"))
                .nodes()
                .getLast()
                .handle();
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatExceptionOfType(ErrnoException.class)
                .isThrownBy(call)
                .extracting(ErrnoException::errno)
                .isEqualTo(errno);
    }

    @Test
    void shouldBoundSessionsByPeerAndInAll() throws Exception {
        Session first = attach("a");
        attach("a");
        attach("a");
        assertErrno(Errno.ENFILE, () -> attach("a"));
        attach("b");
        assertErrno(Errno.ENFILE, () -> attach("b"));
        sessions.detach(first.id());
        sessions.detach(first.id());
        attach("b");
        assertThat(sessions.count()).isEqualTo(4);
    }

    @Test
    void shouldBoundHandles() throws Exception {
        Session session = attach("a");
        List<Long> handles = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            handles.add(session.walk(session.rootHandle(), names("d"))
                    .nodes()
                    .getFirst()
                    .handle());
        }
        WalkResult full = session.walk(session.rootHandle(), names("d"));
        assertThat(full.error()).isEqualTo(Errno.ENFILE);
        assertThat(full.nodes()).isEmpty();
        session.release(handles.subList(0, 1));
        WalkResult half = session.walk(session.rootHandle(), names("d", "f"));
        assertThat(half.error()).isEqualTo(Errno.ENFILE);
        assertThat(half.nodes()).hasSize(1);
        session.release(handles);
        assertThat(session.handleCount()).isEqualTo(2);
    }

    @Test
    void shouldBoundReadsOfASessionAndOfAPeer() throws Exception {
        Session one = attach("a");
        Session two = attach("a");
        Session other = attach("b");
        FileRead first = sessions.read(one, file(one), 0, 10);
        FileRead second = sessions.read(one, file(one), 0, 10);
        assertErrno(Errno.EAGAIN, () -> sessions.read(one, file(one), 0, 10));
        FileRead third = sessions.read(two, file(two), 0, 10);
        assertErrno(Errno.EAGAIN, () -> sessions.read(two, file(two), 0, 10));
        FileRead fourth = sessions.read(other, file(other), 0, 10);
        for (FileRead read : List.of(first, second, third, fourth)) {
            read.close();
            read.close();
        }
        sessions.read(one, file(one), 0, 10).close();
    }

    @Test
    void shouldEndIdleSessionsButNotThoseThatRead() throws Exception {
        Session idle = attach("a");
        Session used = attach("a");
        Session reading = attach("a");
        FileRead read = sessions.read(reading, file(reading), 0, 10);
        nowNs.addAndGet(Duration.ofMinutes(50).toNanos());
        sessions.get(used.id());
        nowNs.addAndGet(Duration.ofMinutes(10).toNanos());
        sessions.expireIdle();
        assertErrno(Errno.ESTALE, () -> sessions.get(idle.id()));
        sessions.get(used.id());
        sessions.get(reading.id());
        read.close();
    }

    @Test
    void shouldLetAReadEndAfterItsSession() throws Exception {
        Session session = attach("a");
        FileRead read = sessions.read(session, file(session), 3, 4096);
        sessions.detach(session.id());
        store.remove("image");
        ByteBuffer buffer = ByteBuffer.allocateDirect(100);
        read.next(buffer);
        byte[] bytes = new byte[buffer.flip().remaining()];
        buffer.get(bytes);
        assertThat(new String(bytes, StandardCharsets.UTF_8)).isEqualTo("tent");
        assertThat(read.done()).isTrue();
        read.close();
        assertErrno(Errno.ESTALE, () -> sessions.read(session, 1, 0, 1));
        assertErrno(Errno.ESTALE, () -> session.walk(session.rootHandle(), names("d")));
    }

    @Test
    void shouldRefuseNewSessionsOnceClosed() throws Exception {
        attach("a");
        sessions.close();
        assertErrno(Errno.ENFILE, () -> attach("a"));
        assertThat(sessions.count()).isZero();
    }
}
