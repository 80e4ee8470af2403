package dev.stockade.control.fleet;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.smallrye.reactive.messaging.memory.InMemoryConnector;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** PostgreSQL, free ports, an in-memory channel instead of Kafka, and shorter times. */
public class TestEnvironment implements QuarkusTestResourceLifecycleManager {
    private EmbeddedPostgres postgres;
    private Path directory;

    @Override
    public Map<String, String> start() {
        try {
            directory = Files.createTempDirectory("stockade-control-test");
            postgres = EmbeddedPostgres.builder()
                    .setDataDirectory(directory.resolve("data"))
                    .setOverrideWorkingDirectory(
                            Path.of("target", "postgres").toAbsolutePath().toFile())
                    .setServerConfig("unix_socket_directories", "''")
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<String, String> config =
                new HashMap<>(InMemoryConnector.switchOutgoingChannelsToInMemory("sandbox-events"));
        config.put("stockade.database.mode", "external");
        config.put("quarkus.datasource.jdbc.url", postgres.getJdbcUrl("postgres", "postgres"));
        config.put("quarkus.http.test-port", "0");
        config.put("quarkus.grpc.server.test-port", Integer.toString(freePort()));
        config.put("stockade.node.heartbeat-interval", "200ms");
        config.put("stockade.node.timeout", "3s");
        config.put("stockade.reconcile.interval", "200ms");
        config.put("stockade.sandbox.create-timeout", "5s");
        config.put("stockade.lease.duration", "3s");
        config.put("quarkus.otel.sdk.disabled", "false");
        config.put("quarkus.otel.simple", "true");
        return config;
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void stop() {
        try {
            postgres.close();
            try (Stream<Path> files = Files.walk(directory)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
