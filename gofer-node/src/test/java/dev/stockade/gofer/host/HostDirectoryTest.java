package dev.stockade.gofer.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostDirectoryTest {
    @TempDir
    private Path outside;

    private Path inside;
    private HostDirectory directory;
    private int descriptorsBefore;

    @BeforeEach
    void open() throws Exception {
        descriptorsBefore = HostDirectory.openDescriptors();
        inside = Files.createDirectory(outside.resolve("inside"));
        Files.writeString(outside.resolve("secret"), "outside");
        Files.createDirectories(inside.resolve("a/b"));
        Files.writeString(inside.resolve("a/b/file"), "content");
        directory = HostDirectory.open(inside);
    }

    @AfterEach
    void close() {
        directory.close();
        assertThat(HostDirectory.openDescriptors()).as("leaked descriptors").isEqualTo(descriptorsBefore);
    }

    private static byte[] path(String path) {
        return path.getBytes(StandardCharsets.UTF_8);
    }

    private String read(String path) throws ErrnoException {
        try (HostFile file = directory.openFile(path(path))) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(100).position(3);
            int n = file.read(buffer, 0);
            assertThat(buffer.position()).isEqualTo(3 + n);
            byte[] bytes = new byte[n];
            buffer.flip().position(3).get(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatExceptionOfType(ErrnoException.class)
                .isThrownBy(call)
                .extracting(ErrnoException::errno)
                .isEqualTo(errno);
    }

    @Test
    void shouldReadFilesBeneath() throws Exception {
        assertThat(read("a/b/file")).isEqualTo("content");
        assertThat(read("a/../a/b/file")).as("stays beneath").isEqualTo("content");
        try (HostDirectory below = directory.openDirectory(path("a"));
                HostFile file = below.openFile(path("b/file"))) {
            assertThat(file.sizeBytes()).isEqualTo(7);
            ByteBuffer two = ByteBuffer.allocateDirect(2);
            assertThat(file.read(two, 5)).isEqualTo(2);
            assertThat(file.read(two.clear(), 7)).isZero();
            assertErrno(Errno.EINVAL, () -> file.read(two, -1));
            assertErrno(Errno.EINVAL, () -> file.read(ByteBuffer.allocate(2), 0));
        }
    }

    @Test
    void shouldNotLeaveTheDirectory() {
        assertErrno(Errno.EXDEV, () -> read("../secret"));
        assertErrno(Errno.EXDEV, () -> read("a/../../secret"));
        assertErrno(Errno.EXDEV, () -> read(outside.resolve("secret").toString()));
        assertErrno(Errno.EXDEV, () -> read("/etc/passwd"));
        assertErrno(Errno.EXDEV, () -> directory.openDirectory(path("..")));
        assertErrno(Errno.EINVAL, () -> read("a\0b"));
        assertErrno(Errno.ENOENT, () -> read(""));
    }

    @Test
    void shouldFollowNoSymbolicLink() throws Exception {
        Files.createSymbolicLink(inside.resolve("root"), Path.of("/"));
        Files.createSymbolicLink(inside.resolve("up"), Path.of(".."));
        Files.createSymbolicLink(inside.resolve("own"), Path.of("a"));
        Files.createSymbolicLink(inside.resolve("file"), Path.of("a/b/file"));
        for (String path : List.of("root/etc/passwd", "up/secret", "own/b/file", "file", "root", "up")) {
            assertErrno(Errno.ELOOP, () -> read(path));
        }
        assertErrno(Errno.ELOOP, () -> read("root/"));
        assertErrno(Errno.ENOTDIR, () -> directory.openDirectory(path("own")));
    }

    @Test
    void shouldFollowNoMagicLink() throws Exception {
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/proc/self/fd")), "no /proc on this host");
        try (HostDirectory proc = HostDirectory.open(Path.of("/proc/self"))) {
            for (String path : List.of("root/etc/passwd", "cwd/pom.xml", "exe", "fd/0")) {
                assertErrno(Errno.ELOOP, () -> proc.openFile(path(path)).close());
            }
        }
    }

    @Test
    void shouldNotCrossMounts() throws Exception {
        Assumptions.assumeTrue(Files.isReadable(Path.of("/proc/self/stat")), "no /proc on this host");
        try (HostDirectory root = HostDirectory.open(Path.of("/"))) {
            assertErrno(Errno.EXDEV, () -> root.openFile(path("proc/self/stat")).close());
        }
    }

    @Test
    void shouldOpenOnlyRegularFiles() throws Exception {
        Process mkfifo = new ProcessBuilder("mkfifo", inside.resolve("fifo").toString()).start();
        assertThat(mkfifo.waitFor()).isZero();
        assertErrno(Errno.EINVAL, () -> read("fifo"));
        assertErrno(Errno.EISDIR, () -> read("a"));
        Assumptions.assumeTrue(Files.exists(Path.of("/dev/null")), "no /dev/null on this host");
        try (HostDirectory dev = HostDirectory.open(Path.of("/dev"))) {
            assertErrno(Errno.EINVAL, () -> dev.openFile(path("null")).close());
        }
    }

    @Test
    void shouldNotLeaveWhileADirectoryBecomesALink() throws Exception {
        Path victim = Files.createDirectory(inside.resolve("victim"));
        Files.writeString(victim.resolve("secret"), "inside");
        Path aside = outside.resolve("aside");
        Path link = Files.createSymbolicLink(outside.resolve("link"), outside);
        AtomicBoolean stop = new AtomicBoolean();
        Thread swapper = Thread.ofPlatform().start(() -> {
            try {
                while (!stop.get()) {
                    Files.move(victim, aside, StandardCopyOption.ATOMIC_MOVE);
                    Files.move(link, victim, StandardCopyOption.ATOMIC_MOVE);
                    Files.move(victim, link, StandardCopyOption.ATOMIC_MOVE);
                    Files.move(aside, victim, StandardCopyOption.ATOMIC_MOVE);
                }
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        int read = 0;
        try {
            long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
            while (System.nanoTime() < untilNs || read == 0) {
                try {
                    assertThat(read("victim/secret")).isEqualTo("inside");
                    read++;
                } catch (ErrnoException e) {
                    assertThat(e.errno()).isIn(Errno.ELOOP, Errno.ENOENT, Errno.EXDEV, Errno.EAGAIN);
                }
                assertThat(System.nanoTime() - untilNs).isLessThan(TimeUnit.SECONDS.toNanos(10));
            }
        } finally {
            stop.set(true);
            swapper.join();
        }
    }

    @Test
    void shouldRefuseUseAfterClose() {
        directory.close();
        directory.close();
        assertErrno(Errno.EBADF, () -> read("a/b/file"));
        assertThat(HostDirectory.checkSupport(inside)).isEmpty();
        assertThat(HostDirectory.checkSupport(inside.resolve("none"))).contains("cannot open");
    }
}
