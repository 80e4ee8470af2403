package dev.stockade.cli.archive;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryTarStreamTest {
    @TempDir
    Path root;

    @Test
    void shouldKeepModesLinksAndLongNames() throws Exception {
        String longName = "n".repeat(150) + "ä";
        Path deep = Files.createDirectories(root.resolve("dir"));
        Files.writeString(deep.resolve(longName), "content");
        Files.write(root.resolve("big"), new byte[200_000]);
        Files.setPosixFilePermissions(root.resolve("big"), PosixFilePermissions.fromString("rwxr-x--x"));
        Files.createLink(root.resolve("same"), root.resolve("big"));
        Files.createSymbolicLink(root.resolve("pointer"), Path.of("no/where"));
        Files.createFile(root.resolve("empty"));

        Map<String, TarArchiveEntry> entries = new LinkedHashMap<>();
        Map<String, byte[]> contents = new LinkedHashMap<>();
        read(entries, contents);

        assertThat(entries.keySet())
                .containsExactly("./", "./big", "./dir/", "./dir/" + longName, "./empty", "./pointer", "./same");
        assertThat(entries.get("./big").getMode() & 07777).isEqualTo(0751);
        assertThat(entries.get("./big").getLongUserId())
                .isEqualTo(((Integer) Files.getAttribute(root.resolve("big"), "unix:uid")).longValue());
        assertThat(contents.get("./big")).isEqualTo(new byte[200_000]);
        assertThat(contents.get("./dir/" + longName)).asString().isEqualTo("content");
        assertThat(entries.get("./same").isLink()).isTrue();
        assertThat(entries.get("./same").getLinkName()).isEqualTo("./big");
        assertThat(entries.get("./pointer").isSymbolicLink()).isTrue();
        assertThat(entries.get("./pointer").getLinkName()).isEqualTo("no/where");
    }

    @Test
    void shouldGiveTheSameBytesForTheSameTree() throws Exception {
        Files.writeString(Files.createDirectory(root.resolve("a")).resolve("b"), "x");

        String first = TarSource.ofDirectory(root).digest();
        assertThat(TarSource.ofDirectory(root).digest()).isEqualTo(first);

        Files.writeString(root.resolve("a/b"), "y");
        assertThat(TarSource.ofDirectory(root).digest()).isNotEqualTo(first);
    }

    private void read(Map<String, TarArchiveEntry> entries, Map<String, byte[]> contents) throws IOException {
        try (InputStream stream = TarSource.ofDirectory(root).open();
                TarArchiveInputStream tar = new TarArchiveInputStream(stream)) {
            TarArchiveEntry entry;
            while ((entry = tar.getNextEntry()) != null) {
                entries.put(entry.getName(), entry);
                contents.put(entry.getName(), tar.readAllBytes());
            }
        }
    }
}
