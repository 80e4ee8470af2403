package dev.stockade.gofer.store;

import static dev.stockade.gofer.store.StoreFixture.children;
import static dev.stockade.gofer.store.StoreFixture.content;
import static dev.stockade.gofer.store.StoreFixture.find;
import static dev.stockade.gofer.store.StoreFixture.importTar;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.gofer.TarBytes;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.abi.FileMode;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.gofer.tree.Inode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageStoreTest {
    @TempDir
    private Path root;

    private final StoreFixture.SetClock clock = new StoreFixture.SetClock();
    private ImageStore store;
    private int descriptorsBefore;

    @BeforeEach
    void open() throws IOException {
        descriptorsBefore = HostDirectory.openDescriptors();
        store = StoreFixture.open(root, clock);
    }

    @AfterEach
    void close() throws IOException {
        store.close();
        assertThat(HostDirectory.openDescriptors()).as("leaked descriptors").isEqualTo(descriptorsBefore);
    }

    private void reopen() throws IOException {
        store.close();
        store = StoreFixture.open(root, clock);
    }

    private static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatExceptionOfType(ErrnoException.class)
                .isThrownBy(call)
                .extracting(ErrnoException::errno)
                .isEqualTo(errno);
    }

    private static byte[] tar(String content) {
        return new TarBytes().directory("d").file("d/f", content).bytes();
    }

    @Test
    void shouldGiveTheSameTreeTheSameId() throws Exception {
        ImageRecord one = importTar(
                store, "one", new TarBytes().file("a", "1").file("b", "2").bytes());
        ImageRecord two = importTar(
                store, "two", new TarBytes().file("b", "2").file("a", "1").gzip());
        ImageRecord other = importTar(
                store, "other", new TarBytes().file("b", "2").file("a", "3").bytes());
        assertThat(two.id()).isEqualTo(one.id());
        assertThat(other.id()).isNotEqualTo(one.id());
        assertThat(importTar(
                                store,
                                "mode",
                                new TarBytes()
                                        .file("a", "1", 0755, 0, 0)
                                        .file("b", "2")
                                        .bytes())
                        .id())
                .isNotEqualTo(one.id());
        assertThat(children(root.resolve("images"))).hasSize(3);
        assertThat(store.list()).extracting(ImageRecord::name).containsExactly("mode", "one", "other", "two");
    }

    @Test
    void shouldKeepImagesOverARestart() throws Exception {
        ImageRecord record = importTar(store, "library/app:1.0", tar("text"));
        reopen();
        assertThat(store.list()).containsExactly(record);
        try (OpenImage image = store.acquire(record.id())) {
            assertThat(content(image, "d/f")).isEqualTo("text");
        }
    }

    @Test
    void shouldKeepWhatTheArchiveSaidOnlyInTheDescription() throws Exception {
        ImageRecord record = importTar(
                store,
                "special",
                new TarBytes()
                        .file("suid", "x", 06755, 1000, 2000)
                        .symlink("abs", "/etc/passwd")
                        .device("disk", (byte) '4', 8, 300)
                        .file("twice", "first")
                        .hardLink("kept", "twice")
                        .file("twice", "second")
                        .bytes());
        try (OpenImage image = store.acquire(record.id())) {
            assertThat(find(image, "suid").mode()).isEqualTo(FileMode.S_IFREG | 06755);
            assertThat(find(image, "suid").metadata().uid()).isEqualTo(1000);
            assertThat(find(image, "disk").type()).isEqualTo(FileMode.S_IFBLK);
            assertThat(find(image, "disk").rdev()).isEqualTo(FileMode.makedev(8, 300));
            assertThat(content(image, "twice")).isEqualTo("second");
            assertThat(content(image, "kept")).as("a link to what was replaced").isEqualTo("first");
            assertThat(find(image, "kept").nlink()).isEqualTo(1);
        }
        // On the host there are only plain files under the names of their digests.
        try (var files = Files.walk(root.resolve("images"))) {
            assertThat(files.filter(f -> !Files.isDirectory(f)))
                    .allMatch(Files::isRegularFile)
                    .allMatch(f -> f.getFileName().toString().matches("tree|[0-9a-f]{64}"));
        }
    }

    @Test
    void shouldSurviveAKillAtAnyPoint() throws Exception {
        ImageRecord kept = importTar(store, "kept", tar("kept"));
        // Killed while an import was under way:
        store.stage().addContent(new ByteArrayInputStream(new byte[100]));
        // Killed between the image's rename and that of its name:
        ImageRecord unnamed = importTar(store, "unnamed", tar("unnamed"));
        Files.delete(root.resolve("names/unnamed"));
        // Killed while the name was written, or while an image was removed:
        Files.writeString(root.resolve("staging/name-77"), "half");
        Files.createDirectories(root.resolve("staging/old-78/data"));
        reopen();
        assertThat(store.list()).containsExactly(kept);
        assertThat(children(root.resolve("staging"))).isEmpty();
        // A running sandbox may still come back for what has no name any more.
        store.acquire(unnamed.id()).close();
        clock.advance(StoreFixture.GRACE);
        store.collectOrphans();
        assertErrno(Errno.ENOENT, () -> store.acquire(unnamed.id()));
        store.acquire(kept.id()).close();
        assertThat(children(root.resolve("images"))).hasSize(1);
    }

    @Test
    void shouldIgnoreADamagedNameAndRefuseADamagedImage() throws Exception {
        ImageRecord record = importTar(store, "good", tar("good"));
        Files.write(root.resolve("names/bad"), new byte[] {1, 2, 3});
        Path description = root.resolve("images")
                .resolve(record.id().substring("sha256:".length()))
                .resolve("tree");
        byte[] bytes = Files.readAllBytes(description);
        bytes[40] ^= 1;
        Files.write(description, bytes);
        reopen();
        assertThat(store.list()).containsExactly(record);
        assertErrno(Errno.EIO, () -> store.acquire(record.id()));
    }

    @Test
    void shouldNotFollowATamperedStoreOut() throws Exception {
        ImageRecord record = importTar(store, "image", tar("original"));
        Path secret = Files.writeString(root.resolve("secret"), "outside!");
        Path data = root.resolve("images")
                .resolve(record.id().substring("sha256:".length()))
                .resolve("data");
        Path content;
        try (var files = Files.walk(data)) {
            content = files.filter(Files::isRegularFile).findFirst().orElseThrow();
        }
        try (OpenImage image = store.acquire(record.id())) {
            Files.delete(content);
            Files.createSymbolicLink(content, secret);
            assertErrno(Errno.EIO, () -> content(image, "d/f"));
            Files.delete(content);
            assertErrno(Errno.EIO, () -> content(image, "d/f"));
            Files.writeString(content, "longer than before");
            assertErrno(Errno.EIO, () -> content(image, "d/f"));
            Files.delete(content);
            assertThat(new ProcessBuilder("mkfifo", content.toString()).start().waitFor())
                    .isZero();
            assertErrno(Errno.EIO, () -> content(image, "d/f"));
        }
    }

    @Test
    void shouldKeepARemovedImageWhileItIsUsed() throws Exception {
        ImageRecord record = importTar(store, "gone", tar("text"));
        OpenImage image = store.acquire(record.id());
        store.remove("gone");
        assertThat(store.list()).isEmpty();
        assertThat(content(image, "d/f")).isEqualTo("text");
        clock.advance(Duration.ofDays(1));
        store.collectOrphans();
        assertThat(content(image, "d/f")).isEqualTo("text");
        image.close();
        store.collectOrphans();
        assertThat(children(root.resolve("images"))).isEmpty();
        assertThatExceptionOfType(ImageException.class).isThrownBy(() -> store.remove("gone"));
    }

    @Test
    void shouldRemoveAnUnusedImageAtOnce() throws Exception {
        ImageRecord record = importTar(store, "one", tar("text"));
        importTar(store, "two", tar("text"));
        store.remove("one");
        store.acquire(record.id()).close();
        store.remove("two");
        assertErrno(Errno.ENOENT, () -> store.acquire(record.id()));
        assertThat(children(root.resolve("images"))).isEmpty();
        assertThat(children(root.resolve("staging"))).isEmpty();
    }

    @Test
    void shouldReplaceOnlyWhenAsked() throws Exception {
        importTar(store, "app", tar("old"));
        try (Staging staging = store.stage()) {
            assertThatExceptionOfType(ImageException.class)
                    .isThrownBy(() -> store.commit(staging, "app", false, ImageConfig.NONE))
                    .withMessageContaining("already");
        }
        ImageRecord replaced = importTar(store, "app", tar("new"));
        assertThat(store.find("app")).contains(replaced);
        assertThat(children(root.resolve("images"))).hasSize(2);
        clock.advance(StoreFixture.GRACE);
        store.collectOrphans();
        assertThat(children(root.resolve("images"))).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "../x", "/x", "x/", "a//b", "a/../b", "a b", "-x", "x\n", "ä", "a/.b"})
    void shouldRefuseBadNames(String name) {
        assertThatExceptionOfType(ImageException.class).isThrownBy(() -> importTar(store, name, tar("x")));
        assertThatExceptionOfType(ImageException.class).isThrownBy(() -> store.remove(name));
    }

    @Test
    void shouldBeServedByOneProcessOnly() {
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> StoreFixture.open(root, clock))
                .withMessageContaining("another gofer");
    }

    @Test
    void shouldBoundItsOpenFiles() throws Exception {
        TarBytes tar = new TarBytes();
        for (int i = 0; i < 40; i++) {
            tar.file("f" + i, "content " + i);
        }
        ImageRecord record = importTar(store, "many", tar.bytes());
        try (OpenImage image = store.acquire(record.id())) {
            for (int i = 0; i < 40; i++) {
                assertThat(content(image, "f" + i)).isEqualTo("content " + i);
                assertThat(store.openContents()).isLessThanOrEqualTo(16);
            }
            List<OpenImage.Content> inUse = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                inUse.add(image.openContent(find(image, "f" + i)));
            }
            Inode another = find(image, "f20");
            assertErrno(Errno.ENFILE, () -> image.openContent(another));
            inUse.removeFirst().close();
            image.openContent(another).close();
            inUse.forEach(OpenImage.Content::close);
        }
    }

    @Test
    void shouldForgetImagesThatNobodyUses() throws Exception {
        for (int i = 0; i < 5; i++) {
            try (OpenImage image =
                    store.acquire(importTar(store, "i" + i, tar("text " + i)).id())) {
                assertThat(content(image, "d/f")).isEqualTo("text " + i);
            }
        }
        // Two idle images are kept, each with its directory and one content.
        assertThat(HostDirectory.openDescriptors() - descriptorsBefore).isEqualTo(4);
    }
}
