package dev.stockade.e2e.deployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** The checkout that the tests run in. */
final class Repository {
    private Repository() {}

    /** The folder that holds docker-compose.yml. */
    static Path top() {
        Path p = Path.of("").toAbsolutePath();
        while (p != null && !Files.exists(p.resolve("docker-compose.yml"))) {
            p = p.getParent();
        }
        if (p == null) {
            throw new IllegalStateException(
                    "no docker-compose.yml above " + Path.of("").toAbsolutePath());
        }
        return p;
    }

    static String read(String relative) {
        try {
            return Files.readString(top().resolve(relative));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The default configuration of a service. */
    static Properties settings(String module) {
        Properties p = new Properties();
        try (var in = Files.newInputStream(top().resolve(module + "/src/main/resources/application.properties"))) {
            p.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return p;
    }
}
