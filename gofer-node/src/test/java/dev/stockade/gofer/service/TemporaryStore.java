package dev.stockade.gofer.service;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.stream.Stream;

/** A store of its own for each run of a Quarkus test, deleted afterwards. */
public final class TemporaryStore implements QuarkusTestResourceLifecycleManager {
    private Path directory = Path.of("");

    @Override
    public Map<String, String> start() {
        try {
            directory = Files.createTempDirectory("stockade-gofer-test");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Map.of("stockade.gofer.data-dir", directory.toString());
    }

    @Override
    public void stop() {
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
