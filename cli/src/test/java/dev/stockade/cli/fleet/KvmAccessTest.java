package dev.stockade.cli.fleet;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.stockade.cli.CliException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KvmAccessTest {
    @TempDir
    Path directory;

    @Test
    void shouldSayThatTheDeviceIsMissing() {
        assertThatThrownBy(() -> KvmAccess.require(directory.resolve("kvm")))
                .isInstanceOf(CliException.class)
                .hasMessageContaining("is missing");
    }

    @Test
    void shouldSayWhoMayOpenTheDevice() throws Exception {
        Path device = Files.createFile(
                directory.resolve("kvm"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("---------")));
        assumeFalse(Files.isReadable(device), "root may open everything");

        assertThatThrownBy(() -> KvmAccess.require(device))
                .isInstanceOf(CliException.class)
                .hasMessageContaining("may not be opened by")
                .hasMessageContaining("group");
    }
}
