package dev.stockade.sentry.kvm.hostfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.GoferAttr;
import dev.stockade.sentry.fs.gofer.GoferDirEntry;
import dev.stockade.sentry.fs.gofer.GoferNode;
import dev.stockade.sentry.fs.gofer.GoferWalk;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalTreeClientTest {
    @TempDir
    private Path directory;

    private Path tree;
    private LocalTreeClient client;
    private int descriptorsBefore;

    @BeforeEach
    void open() throws Exception {
        descriptorsBefore = HostFsCalls.openDescriptors();
        tree = Files.createDirectory(directory.resolve("tree"));
        Files.writeString(directory.resolve("secret"), "outside");
        Files.createDirectories(tree.resolve("etc/deep"));
        Files.writeString(tree.resolve("etc/deep/file"), "content");
        Files.createSymbolicLink(tree.resolve("out"), directory);
        Files.createSymbolicLink(tree.resolve("etc/link"), Path.of("deep/file"));
        client = LocalTreeClient.open(tree);
    }

    @AfterEach
    void close() {
        client.close();
        assertThat(HostFsCalls.openDescriptors()).as("leaked descriptors").isEqualTo(descriptorsBefore);
    }

    private static List<byte[]> names(String... names) {
        return Arrays.stream(names)
                .map(name -> name.getBytes(StandardCharsets.UTF_8))
                .toList();
    }

    private GoferNode node(String... names) throws ErrnoException {
        GoferWalk walk = client.walk(client.root().handle(), names(names));
        assertThat(walk.error()).isNull();
        return walk.nodes().getLast();
    }

    private String read(long handle) throws ErrnoException {
        byte[] buffer = new byte[100];
        int n = client.read(handle, 0, MemorySegment.ofArray(buffer));
        return new String(buffer, 0, n, StandardCharsets.UTF_8);
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatExceptionOfType(ErrnoException.class)
                .isThrownBy(call)
                .extracting(ErrnoException::errno)
                .isEqualTo(errno);
    }

    @Test
    void shouldServeRealAttributes() throws Exception {
        Path file = tree.resolve("etc/deep/file");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-x---"));
        Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(1_700_000_000, 123_000_000)));
        Files.createLink(tree.resolve("again"), file);
        GoferAttr attr = node("etc", "deep", "file").attr();
        assertThat(attr.mode()).isEqualTo(0100750);
        assertThat(attr.nlink()).isEqualTo(2);
        assertThat(attr.size()).isEqualTo(7);
        assertThat(attr.mtimeNs()).isEqualTo(1_700_000_000_123_000_000L);
        assertThat(attr.uid()).isEqualTo(Files.getAttribute(file, "unix:uid"));
        assertThat(attr.ino()).isEqualTo(Files.getAttribute(file, "unix:ino"));
        assertThat(node("again").attr().ino()).isEqualTo(attr.ino());
        assertThat(client.stat(node("again").handle())).isEqualTo(attr);
        assertThat(client.root().attr().isDirectory()).isTrue();
    }

    @Test
    void shouldReadListAndFollowNothing() throws Exception {
        assertThat(read(node("etc", "deep", "file").handle())).isEqualTo("content");
        GoferNode link = node("etc", "link");
        assertThat(link.attr().isSymlink()).isTrue();
        assertThat(link.symlinkTarget()).isEqualTo("deep/file".getBytes(StandardCharsets.UTF_8));
        assertThat(client.readLink(link.handle())).isEqualTo(link.symlinkTarget());
        List<GoferDirEntry> entries = client.readDir(node("etc").handle());
        assertThat(entries)
                .extracting(e -> new String(e.name(), StandardCharsets.UTF_8))
                .containsExactly("deep", "link");
        assertThat(entries).extracting(GoferDirEntry::type).containsExactly(0040000, 0120000);
        assertThat(entries.getFirst().ino())
                .isEqualTo(node("etc", "deep").attr().ino());
        assertThat(client.statFs(link.handle()).nameLength()).isEqualTo(255);
    }

    @Test
    void shouldNotLeadOut() throws Exception {
        GoferWalk through = client.walk(client.root().handle(), names("out", "secret"));
        assertThat(through.error()).isEqualTo(Errno.ENOTDIR);
        assertThat(through.nodes()).hasSize(1);
        for (String name : List.of("..", ".", "", "/", "etc/deep", "../secret", "a\0")) {
            assertErrno(Errno.EINVAL, () -> client.walk(client.root().handle(), names(name)));
        }
        assertErrno(Errno.ENAMETOOLONG, () -> client.walk(client.root().handle(), names("n".repeat(256))));
    }

    @Test
    void shouldNotLeadOutWhileADirectoryBecomesALink() throws Exception {
        Path victim = Files.createDirectory(tree.resolve("victim"));
        Files.writeString(victim.resolve("secret"), "inside");
        Path aside = directory.resolve("aside");
        Path link = Files.createSymbolicLink(directory.resolve("link"), directory);
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
        try {
            long untilNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
            while (System.nanoTime() < untilNs) {
                GoferWalk walk = client.walk(client.root().handle(), names("victim", "secret"));
                if (walk.error() == null) {
                    assertThat(read(walk.nodes().getLast().handle())).isEqualTo("inside");
                }
                client.release(
                        walk.nodes().stream().mapToLong(GoferNode::handle).toArray());
            }
        } finally {
            stop.set(true);
            swapper.join();
        }
    }

    @Test
    void shouldReadOnlyRegularFiles() throws Exception {
        Process mkfifo = new ProcessBuilder("mkfifo", tree.resolve("fifo").toString()).start();
        assertThat(mkfifo.waitFor()).isZero();
        GoferNode fifo = node("fifo");
        assertThat(fifo.attr().type()).isEqualTo(0010000);
        assertErrno(Errno.EINVAL, () -> read(fifo.handle()));
        assertErrno(Errno.EISDIR, () -> read(node("etc").handle()));
        assertErrno(Errno.EINVAL, () -> read(node("out").handle()));
        assertErrno(Errno.EINVAL, () -> client.readLink(node("etc").handle()));
        assertErrno(
                Errno.ENOTDIR, () -> client.readDir(node("etc", "deep", "file").handle()));
    }

    @Test
    void shouldReadAnyRangeIntoGuestMemory() throws Exception {
        byte[] content = new byte[1_000_000];
        new Random(4).nextBytes(content);
        Files.write(tree.resolve("large"), content);
        long large = node("large").handle();
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(1_100_000);
            assertThat(client.read(large, 0, memory)).isEqualTo(content.length);
            assertThat(memory.asSlice(0, content.length).mismatch(MemorySegment.ofArray(content)))
                    .isEqualTo(-1);
            assertThat(client.read(large, 999_999, memory)).isEqualTo(1);
            assertThat(client.read(large, 1_000_000, memory)).isZero();
            assertErrno(Errno.EINVAL, () -> client.read(large, -1, memory));
            Files.write(tree.resolve("large"), new byte[10]);
            assertThat(client.read(large, 5, memory)).isEqualTo(5);
        }
    }

    @Test
    void shouldHideWhatTellsOfTheHost() throws Exception {
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/proc/self")), "no /proc on this host");
        try (LocalTreeClient host = LocalTreeClient.open(Path.of("/"))) {
            GoferWalk proc = host.walk(host.root().handle(), names("proc"));
            assertThat(proc.error()).isNull();
            assertThat(host.readDir(proc.nodes().getFirst().handle())).isEmpty();
            assertThat(host.walk(host.root().handle(), names("proc", "self")).error())
                    .isEqualTo(Errno.ENOENT);
            assertThat(host.walk(host.root().handle(), names("etc", "passwd")).error())
                    .isNull();
        }
    }

    @Test
    void shouldBoundItsDescriptors() throws Exception {
        long[] handles = new long[5000];
        for (int i = 0; i < handles.length; i++) {
            Files.writeString(tree.resolve("f" + i), "text " + i);
            handles[i] = node("f" + i).handle();
        }
        assertThat(HostFsCalls.openDescriptors() - descriptorsBefore).isLessThan(2100);
        for (int i = 0; i < handles.length; i += 7) {
            assertThat(read(handles[i])).isEqualTo("text " + i);
        }
        assertThat(HostFsCalls.openDescriptors() - descriptorsBefore).isLessThan(4200);
    }

    @Test
    void shouldNoticeThatAFileWasReplaced() throws Exception {
        long kept = node("etc", "deep", "file").handle();
        Path file = tree.resolve("etc/deep/file");
        Files.writeString(tree.resolve("new"), "another");
        Files.move(tree.resolve("new"), file, StandardCopyOption.ATOMIC_MOVE);
        assertThat(read(kept)).as("while its descriptor is open").isEqualTo("content");
        long[] many = new long[2100];
        for (int i = 0; i < many.length; i++) {
            many[i] = node("etc").handle();
        }
        assertErrno(Errno.ESTALE, () -> read(kept));
        assertThat(read(node("etc", "deep", "file").handle())).isEqualTo("another");
    }

    @Test
    void shouldReopenBelowAReleasedDirectory() throws Exception {
        GoferWalk walk = client.walk(client.root().handle(), names("etc", "deep", "file"));
        client.release(walk.nodes().get(0).handle(), walk.nodes().get(1).handle());
        for (int i = 0; i < 2100; i++) {
            node("etc");
        }
        assertThat(read(walk.nodes().get(2).handle())).isEqualTo("content");
        client.release(walk.nodes().get(2).handle());
        assertErrno(Errno.EBADF, () -> read(walk.nodes().get(2).handle()));
        client.close();
        assertErrno(Errno.EIO, () -> client.stat(client.root().handle()));
    }

    @Test
    void shouldSayWhyATreeCannotBeOpened() {
        assertErrno(Errno.ENOENT, () -> LocalTreeClient.open(tree.resolve("none")));
        assertErrno(Errno.ENOTDIR, () -> LocalTreeClient.open(tree.resolve("etc/deep/file")));
    }
}
