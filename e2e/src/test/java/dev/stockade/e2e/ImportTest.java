package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SharedFleet.class)
class ImportTest {
    private static final String LISTER = """
        #include <stdio.h>
        #include <string.h>
        #include <sys/stat.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            for (int i = 1; i < argc; i++) {
                struct stat st;
                char target[100] = "";
                if (lstat(argv[i], &st)) { printf("%s missing\\n", argv[i]); continue; }
                if (S_ISLNK(st.st_mode)) readlink(argv[i], target, 99);
                printf("%s %o %ld %s\\n", argv[i], st.st_mode, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, target);
            }
            return 0;
        }
        """;
    private static final String EXPECTED = """
        /dir 40750 0\s
        /dir/file 100640 8\s
        /dir/same 100640 8\s
        /pointer 120777 8 dir/file
        """;

    private final Fleet fleet;

    @TempDir
    Path directory;

    ImportTest(Fleet fleet) {
        this.fleet = fleet;
    }

    private Path tree() throws Exception {
        Path root = Files.createDirectory(directory.resolve("tree"));
        Path dir = Files.createDirectory(root.resolve("dir"));
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("rwxr-x---"));
        Path file = Files.writeString(dir.resolve("file"), "content\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        Files.createLink(dir.resolve("same"), file);
        Files.createSymbolicLink(root.resolve("pointer"), Path.of("dir/file"));
        Programs.compile(root.resolve("lister"), LISTER);
        return root;
    }

    private void shouldHold(String image) throws Exception {
        Launched.Result result =
                fleet.stockade("run", "--rm", image, "/lister", "/dir", "/dir/file", "/dir/same", "/pointer");
        assertThat(result).isEqualTo(new Launched.Result(0, EXPECTED, ""));
    }

    @Test
    void shouldMakeAnImageOfADirectory() throws Exception {
        Launched.Result imported = fleet.stockade("import", "of-directory", tree().toString());

        assertThat(imported.status()).as(imported.err()).isZero();
        assertThat(fleet.stockade("images").out()).contains("of-directory");
        shouldHold("of-directory");
        assertThat(fleet.stockade("rmi", "of-directory").status()).isZero();
        assertThat(fleet.stockade("images").out()).doesNotContain("of-directory");
    }

    @Test
    void shouldMakeAnImageOfATarFile() throws Exception {
        Path tar = directory.resolve("image.tar.gz");
        Process process = new ProcessBuilder("tar", "-czf", tar.toString(), "-C", tree().toString(), ".")
                .inheritIO()
                .start();
        assertThat(process.waitFor()).isZero();

        Launched.Result imported = fleet.stockade("import", "of-tar", tar.toString());

        assertThat(imported.status()).as(imported.err()).isZero();
        shouldHold("of-tar");
        assertThat(fleet.stockade("rmi", "of-tar").status()).isZero();
    }

    @Test
    void shouldRunInADirectoryDirectly() throws Exception {
        Path root = tree();

        Launched.Result first = fleet.stockade("run", "--rootfs", root.toString(), "/lister", "/dir/file");
        Launched.Result second = fleet.stockade("run", "--rootfs", root.toString(), "/lister", "/dir/file");

        assertThat(first.out()).isEqualTo("/dir/file 100640 8 \n");
        assertThat(first.err()).contains("importing");
        assertThat(second).isEqualTo(new Launched.Result(0, "/dir/file 100640 8 \n", ""));
    }
}
