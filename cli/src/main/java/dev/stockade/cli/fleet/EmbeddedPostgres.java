package dev.stockade.cli.fleet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The database server that the control plane starts below a data directory of its own. It leaves its parent's
 * process tree, so a control plane that was killed leaves it behind; its postmaster.pid tells where it is.
 */
final class EmbeddedPostgres {
    private final Path dataDirectory;

    EmbeddedPostgres(Path dataDirectory) {
        this.dataDirectory = dataDirectory;
    }

    List<ProcessIdentity> running() {
        List<ProcessIdentity> found = new ArrayList<>();
        if (!Files.isDirectory(dataDirectory)) {
            return found;
        }
        try (Stream<Path> files = Files.find(
                dataDirectory,
                3,
                (path, attributes) -> path.getFileName().toString().equals("postmaster.pid"))) {
            files.forEach(file -> postmaster(file).ifPresent(found::add));
        } catch (IOException | java.io.UncheckedIOException e) {
            return found; // it vanishes while we look
        }
        return found;
    }

    private static Optional<ProcessIdentity> postmaster(Path file) {
        try {
            // First line the process, second its data directory: the number may be another's by now.
            List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
            long pid = Long.parseLong(lines.getFirst().strip());
            String commandLine =
                    Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"), StandardCharsets.ISO_8859_1);
            return commandLine.contains("postgres") ? ProcessIdentity.of(pid) : Optional.empty();
        } catch (IOException | NumberFormatException | java.util.NoSuchElementException e) {
            return Optional.empty();
        }
    }
}
