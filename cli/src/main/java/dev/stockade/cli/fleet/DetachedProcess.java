package dev.stockade.cli.fleet;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Starts a process that outlives the command and its terminal. */
final class DetachedProcess {
    private DetachedProcess() {}

    /** In a session of its own, with standard input empty and output in the log file; the last log is kept as NAME.1. */
    static Process start(List<String> command, Path workingDirectory, Path log) {
        try {
            Files.createDirectories(log.getParent());
            if (Files.exists(log)) {
                Files.move(log, log.resolveSibling(log.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
            }
            List<String> detached = new ArrayList<>();
            // setsid(1) becomes the command when it isn't a group leader, as here: the process number stays.
            detached.add("setsid");
            detached.addAll(command);
            ProcessBuilder builder = new ProcessBuilder(detached)
                    .directory(workingDirectory.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile());
            // The command's own settings are no configuration of the services.
            builder.environment().keySet().removeIf(key -> key.startsWith("STOCKADE_"));
            return builder.start();
        } catch (IOException e) {
            throw new CliException("cannot start " + command.getFirst() + ": " + e.getMessage(), e);
        }
    }

    static List<String> tail(Path log, int lines) {
        try (Stream<String> all = Files.lines(log, StandardCharsets.ISO_8859_1)) {
            List<String> kept = new ArrayList<>(all.toList());
            return kept.subList(Math.max(0, kept.size() - lines), kept.size());
        } catch (IOException | java.io.UncheckedIOException e) {
            return List.of();
        }
    }
}
