package dev.stockade.gofer.builtin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.gofer.abi.FileMode;
import dev.stockade.gofer.store.ImageException;
import dev.stockade.gofer.store.ImageRecord;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.OpenImage;
import dev.stockade.gofer.store.StoreLimits;
import dev.stockade.gofer.tree.Inode;
import dev.stockade.gofer.tree.TreeLimits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BusyboxImageTest {
    @TempDir
    private Path directory;

    private ImageStore store;

    @BeforeEach
    void open() throws IOException {
        StoreLimits limits = new StoreLimits(100_000_000, new TreeLimits(10_000, 4096), 16, 2);
        store = ImageStore.open(directory.resolve("store"), limits, Clock.systemUTC(), Duration.ofMinutes(1));
    }

    @AfterEach
    void close() throws IOException {
        store.close();
    }

    private static Inode find(OpenImage image, String path) {
        Inode inode = image.tree().root();
        for (String name : path.split("/")) {
            inode = inode.child(name.getBytes(StandardCharsets.UTF_8));
            assertThat(inode).as(path).isNotNull();
        }
        return inode;
    }

    @Test
    void shouldMakeTheImageOnFirstUse() throws Exception {
        ImageRecord record;
        try {
            record = new BusyboxImage(store).resolve();
        } catch (ImageException e) {
            Assumptions.abort("no busybox to be had here: " + e.getMessage());
            return;
        }
        assertThat(record.config().cmd()).containsExactly("sh");
        assertThat(record.config().env()).contains("HOME=/root");
        try (OpenImage image = store.acquire(record.id())) {
            Inode busybox = find(image, "bin/busybox");
            assertThat(busybox.mode()).isEqualTo(FileMode.S_IFREG | 0755);
            assertThat(busybox.nlink()).isGreaterThan(200);
            for (String applet : List.of("bin/sh", "bin/ls", "usr/bin/sort", "usr/bin/awk", "bin/sed", "bin/tar")) {
                assertThat(find(image, applet)).as(applet).isSameAs(busybox);
            }
            assertThat(find(image, "root").mode()).isEqualTo(FileMode.S_IFDIR | 0700);
            assertThat(find(image, "tmp").mode()).isEqualTo(FileMode.S_IFDIR | 01777);
            assertThat(find(image, "etc/passwd").size()).isPositive();
            for (String empty : List.of("proc", "sys", "dev", "run", "mnt", "opt", "home", "var/log")) {
                assertThat(find(image, empty).isDirectory()).as(empty).isTrue();
            }
        }
        assertThat(new BusyboxImage(store).resolve()).isEqualTo(record);
        store.remove("busybox");
        assertThat(new BusyboxImage(store).resolve().id()).as("the same again").isEqualTo(record.id());
    }

    @Test
    void shouldTellStaticProgramsFromOthers() throws IOException {
        Path dynamic = Path.of("/bin/true");
        Assumptions.assumeTrue(Files.isRegularFile(dynamic), "no /bin/true on this host");
        assertThat(StaticElf.isStatic(dynamic)).isFalse();
        Path script = Files.writeString(directory.resolve("script"), "#!/bin/sh\n" + "# \n".repeat(100));
        assertThat(StaticElf.isStatic(script)).isFalse();
        assertThat(StaticElf.isStatic(Files.writeString(directory.resolve("short"), "x")))
                .isFalse();
        byte[] elf = Files.readAllBytes(dynamic);
        elf[56] = (byte) 0xff; // more program headers than the file holds
        assertThat(StaticElf.isStatic(Files.write(directory.resolve("forged"), elf)))
                .isFalse();
    }

    @Test
    void shouldTellHowHostProgramsEnd() throws Exception {
        Command.Outcome missing = Command.run(
                directory,
                Duration.ofSeconds(5),
                List.of(directory.resolve("none").toString()));
        assertThat(missing.exitCode()).isEqualTo(127);
        Command.Outcome late = Command.run(directory, Duration.ofMillis(50), List.of("sleep", "100"));
        assertThat(late.exitCode()).isEqualTo(124);
        Command.Outcome spoke = Command.run(directory, Duration.ofSeconds(5), List.of("sh", "-c", "echo hi; exit 3"));
        assertThat(spoke).isEqualTo(new Command.Outcome(3, "hi\n"));
    }
}
