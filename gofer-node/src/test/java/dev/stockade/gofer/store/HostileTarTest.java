package dev.stockade.gofer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.stockade.gofer.TarBytes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.compress.archivers.zip.ZipEncodingHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostileTarTest {
    @TempDir
    private Path root;

    private ImageStore store;

    @BeforeEach
    void open() throws IOException {
        store = StoreFixture.open(root, new StoreFixture.SetClock());
    }

    @AfterEach
    void close() throws IOException {
        store.close();
    }

    private String refusal(TarBytes tar) {
        return StoreFixture.refusal(store, root, tar.bytes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"../escape", "a/../../escape", "a/..", "..", "./../x"})
    void shouldRefuseDotDot(String name) {
        assertThat(refusal(new TarBytes().file(name, "x"))).contains("\"..\"");
    }

    @Test
    void shouldRefuseAbsolutePaths() {
        assertThat(refusal(new TarBytes().file("/etc/passwd", "x"))).contains("absolute path");
        assertThat(refusal(new TarBytes().directory("/"))).contains("absolute path");
    }

    @Test
    void shouldRefuseToWriteThroughASymbolicLink() {
        assertThat(refusal(new TarBytes().symlink("etc", "/etc").file("etc/passwd", "x")))
                .contains("symbolic link");
        assertThat(refusal(new TarBytes().symlink("d", "..").directory("d/e"))).contains("symbolic link");
        assertThat(refusal(new TarBytes().symlink("d", "..").directory("d/"))).contains("something else before");
        assertThat(refusal(new TarBytes().file("f", "x").file("f/g", "y"))).contains("no directory");
    }

    @Test
    void shouldRefuseHardLinksToWhatIsNotThere() {
        assertThat(refusal(new TarBytes().hardLink("shadow", "../../etc/shadow")))
                .contains("..");
        assertThat(refusal(new TarBytes().hardLink("shadow", "/etc/shadow"))).contains("absolute path");
        assertThat(refusal(new TarBytes().hardLink("shadow", "etc/shadow"))).contains("not in the archive");
        assertThat(refusal(new TarBytes().symlink("etc", "/etc").hardLink("shadow", "etc/shadow")))
                .contains("not in the archive");
        assertThat(refusal(new TarBytes().directory("d").hardLink("e", "d"))).contains("directory");
    }

    @Test
    void shouldRefuseToTurnADirectoryIntoSomethingElse() {
        assertThat(refusal(new TarBytes().directory("d").file("d/f", "x").file("d", "x")))
                .contains("was a directory");
        assertThat(refusal(new TarBytes().directory("d").symlink("d", "/"))).contains("was a directory");
        assertThat(refusal(new TarBytes().symlink(".", "/"))).contains("root");
    }

    @Test
    void shouldRefuseWhatIsTooLarge() {
        assertThat(refusal(new TarBytes().file("f", new byte[1_000_001]))).contains("max-image-bytes");
        assertThat(refusal(new TarBytes().file("f", new byte[600_000]).file("g", new byte[600_000])))
                .contains("max-image-bytes");
        TarBytes many = new TarBytes();
        for (int i = 0; i < 1001; i++) {
            many.file("f" + i, "");
        }
        assertThat(refusal(many)).contains("more than 1000 files");
        assertThat(refusal(new TarBytes().file("d/".repeat(1001), ""))).contains("a path of");
        assertThat(refusal(new TarBytes().file("d/" + "n".repeat(256), ""))).contains("a name of 256 bytes");
        assertThat(refusal(new TarBytes().symlink("l", "t".repeat(4096)))).contains("target");
    }

    @Test
    void shouldNotBelieveAHugeSize() throws IOException {
        // The header promises a terabyte; nothing is reserved for it and nothing of it is read.
        byte[] archive = new TarBytes().file("f", "x").bytes();
        TarArchiveEntry entry = TarBytes.entry("f", TarConstants.LF_NORMAL);
        entry.setSize(1L << 40);
        byte[] header = new byte[512];
        entry.writeEntryHeader(header, ZipEncodingHelper.getZipEncoding("UTF-8"), true);
        System.arraycopy(header, 0, archive, 0, 512);
        assertThat(StoreFixture.refusal(store, root, archive)).contains("max-image-bytes");
    }

    @Test
    void shouldRefuseEndlessHeaders() {
        // A GNU long name of 100 MB: a reader would keep it in memory.
        TarArchiveEntry entry = new TarArchiveEntry("././@LongLink", TarConstants.LF_GNUTYPE_LONGNAME);
        entry.setSize(100_000_000);
        byte[] header = new byte[512];
        entry.writeEntryHeader(header);
        InputStream endless = new SequenceInputStream(new ByteArrayInputStream(header), new InputStream() {
            @Override
            public int read() {
                return 'n';
            }
        });
        assertThatExceptionOfType(ImageException.class)
                .isThrownBy(() -> {
                    try (Staging staging = store.stage()) {
                        TarImport.read(endless, staging);
                    }
                })
                .withMessageContaining("header");
    }

    @Test
    void shouldRefuseWhatIsNoTar() {
        assertThat(StoreFixture.refusal(store, root, new byte[0])).contains("empty");
        assertThat(StoreFixture.refusal(store, root, "hello, world".repeat(100).getBytes(StandardCharsets.UTF_8)))
                .contains("tar");
        assertThat(StoreFixture.refusal(store, root, new byte[10240])).contains("no entries");
        byte[] zstd = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, 0};
        assertThat(StoreFixture.refusal(store, root, zstd)).contains("zstd");
        byte[] damaged = new TarBytes().file("a", "x").file("b", "y").bytes();
        damaged[1024 + 150] ^= 1;
        assertThat(StoreFixture.refusal(store, root, damaged)).contains("after entry 1");
    }

    @Test
    void shouldRefuseNamesThatAreNotUtf8AndImpossibleOwners() {
        byte[] archive = new TarBytes().file("name", "x").bytes();
        archive[1] = (byte) 0xff;
        int sum = 0;
        Arrays.fill(archive, 148, 156, (byte) ' ');
        for (int i = 0; i < 512; i++) {
            sum += archive[i] & 0xff;
        }
        byte[] octal = "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(octal, 0, archive, 148, octal.length);
        assertThat(StoreFixture.refusal(store, root, archive)).contains("not UTF-8");
        assertThat(refusal(new TarBytes().file("f", "x", 0644, 1L << 33, 0))).contains("owner");
    }

    @Test
    void shouldKeepUnusualNames() throws Exception {
        String longName = "d/".repeat(100) + "ä?\u4e2d\n*";
        ImageRecord record = StoreFixture.importTar(
                store,
                "names",
                new TarBytes().file(longName, "x").file("?", "y").bytes());
        try (OpenImage image = store.acquire(record.id())) {
            assertThat(StoreFixture.content(image, longName)).isEqualTo("x");
            assertThat(StoreFixture.content(image, "?")).isEqualTo("y");
        }
    }

    @Test
    void shouldFailOnAnArchiveThatEndsEarly() {
        byte[] archive = new TarBytes().file("f", new byte[100_000]).bytes();
        for (int length : new int[] {600, 5000, 99_000}) {
            assertThatExceptionOfType(IOException.class)
                    .as("cut at %d", length)
                    .isThrownBy(() -> StoreFixture.importTar(store, "cut", Arrays.copyOf(archive, length)));
        }
        byte[] gzip = new TarBytes().file("f", new byte[100_000]).gzip();
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> StoreFixture.importTar(store, "cut", Arrays.copyOf(gzip, gzip.length - 10)));
        assertThat(store.list()).isEmpty();
        assertThat(StoreFixture.children(root.resolve("staging"))).isEmpty();
        assertThat(StoreFixture.children(root.resolve("images"))).isEmpty();
    }
}
