package dev.stockade.gofer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.tree.Inode;
import dev.stockade.gofer.tree.TreeLimits;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.Stream;

/** A store in a temporary directory, with a clock that stands. */
public final class StoreFixture {
    static final Duration GRACE = Duration.ofMinutes(10);

    private StoreFixture() {}

    /** Time as the test sets it. */
    public static final class SetClock {
        private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");

        public void advance(Duration by) {
            now = now.plus(by);
        }

        public Clock clock() {
            InstantSource source = () -> now;
            return source.withZone(ZoneOffset.UTC);
        }
    }

    public static StoreLimits limits() {
        return new StoreLimits(1_000_000, new TreeLimits(1000, 1024), 16, 2);
    }

    public static ImageStore open(Path root, SetClock clock) throws IOException {
        return ImageStore.open(root, limits(), clock.clock(), GRACE);
    }

    public static ImageRecord importTar(ImageStore store, String name, byte[] archive)
            throws IOException, ImageException {
        try (Staging staging = store.stage()) {
            TarImport.read(new ByteArrayInputStream(archive), staging);
            return store.commit(staging, name, true, ImageConfig.NONE);
        }
    }

    /** The message of a refused import; nothing of it is left. */
    static String refusal(ImageStore store, Path root, byte[] archive) {
        List<ImageRecord> before = store.list();
        String[] message = new String[1];
        assertThatExceptionOfType(ImageException.class)
                .isThrownBy(() -> importTar(store, "hostile", archive))
                .satisfies(e -> message[0] = e.getMessage());
        assertThat(store.list()).isEqualTo(before);
        assertThat(children(root.resolve("staging"))).isEmpty();
        return message[0];
    }

    static List<String> children(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static Inode find(OpenImage image, String path) {
        Inode inode = image.tree().root();
        for (String name : path.split("/")) {
            inode = inode.child(name.getBytes(StandardCharsets.UTF_8));
            assertThat(inode).as(path).isNotNull();
        }
        return inode;
    }

    static String content(OpenImage image, String path) throws ErrnoException {
        try (OpenImage.Content content = image.openContent(find(image, path))) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);
            content.read(buffer, 0);
            byte[] bytes = new byte[buffer.flip().remaining()];
            buffer.get(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
