package dev.stockade.cli.fleet;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Where the built parts lie: the folder of the launcher, which names it in a system property. */
public record Installation(Path root, Path java) {
    public static Installation current() {
        String root = System.getProperty("stockade.root");
        if (root == null) {
            throw new CliException("the command was not started by its launcher (no stockade.root)");
        }
        return new Installation(Path.of(root), Path.of(System.getProperty("java.home"), "bin", "java"));
    }

    public Path kafkaJars() {
        return existing(root.resolve("cli/broker/target/kafka"));
    }

    public Path quarkusJar(PartName part) {
        String module = switch (part) {
            case CONTROL_PLANE -> "control-plane";
            case GOFER -> "gofer-node";
            case SENTRY -> "sentry-node/server";
            case KAFKA -> throw new IllegalArgumentException("the broker is no Quarkus service");
        };
        return existing(root.resolve(module).resolve("target/quarkus-app/quarkus-run.jar"));
    }

    public String version(PartName part) {
        if (part != PartName.KAFKA) {
            String version = Installation.class.getPackage().getImplementationVersion();
            return version == null ? "development" : version;
        }
        try (Stream<Path> jars = Files.list(kafkaJars())) {
            return jars.map(jar -> jar.getFileName().toString())
                    .filter(name -> name.startsWith("kafka-clients-"))
                    .map(name -> name.substring("kafka-clients-".length(), name.length() - ".jar".length()))
                    .findFirst()
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
    }

    private static Path existing(Path path) {
        if (!Files.exists(path)) {
            throw new CliException("not built: " + path);
        }
        return path;
    }
}
