package dev.stockade.control.database;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedDatabaseTest {
    @TempDir
    Path directory;

    private static Connection connect(int port) throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + port + "/postgres", "postgres", "");
    }

    private static String ask(int port, String query) throws SQLException {
        try (Connection connection = connect(port);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static void execute(int port, String command) throws SQLException {
        try (Connection connection = connect(port);
                Statement statement = connection.createStatement()) {
            statement.execute(command);
        }
    }

    /** The control plane that is killed. */
    static final class Victim {
        public static void main(String... args) throws Exception {
            EmbeddedDatabase database = EmbeddedDatabase.start(Path.of(args[0]), 0);
            System.out.println("port " + database.port());
            Thread.sleep(TimeUnit.MINUTES.toMillis(10));
        }
    }

    @Test
    void shouldKeepItsDataAndTakeOverFromAKilledPredecessor() throws Exception {
        Process victim = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Victim.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            int port = 0;
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(victim.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null && port == 0; line = lines.readLine()) {
                    if (line.startsWith("port ")) {
                        port = Integer.parseInt(line.substring("port ".length()));
                        break;
                    }
                }
                execute(port, "create table kept as select 42 as answer");
                assertThatThrownBy(() -> EmbeddedDatabase.start(directory, 0))
                        .hasMessageContaining("another control plane uses");
            } finally {
                victim.destroyForcibly();
            }
            assertThat(victim.waitFor(20, TimeUnit.SECONDS)).isTrue();
            long orphan = Long.parseLong(
                    Files.readAllLines(directory.resolve("data/postmaster.pid")).getFirst());
            assertThat(ProcessHandle.of(orphan))
                    .as("the server outlives its parent")
                    .isPresent();

            try (EmbeddedDatabase database = EmbeddedDatabase.start(directory, 0)) {
                assertThat(ask(database.port(), "select answer from kept")).isEqualTo("42");
                assertThat(ask(database.port(), "show fsync")).isEqualTo("on");
                assertThat(ask(database.port(), "show synchronous_commit")).isEqualTo("on");
                assertThat(ProcessHandle.of(orphan).filter(ProcessHandle::isAlive))
                        .isEmpty();
            }
            assertThat(directory.resolve("data/postmaster.pid")).doesNotExist();
        } finally {
            victim.destroyForcibly();
        }
    }
}
