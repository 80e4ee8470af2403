package dev.stockade.control;

import dev.stockade.control.database.EmbeddedDatabase;
import dev.stockade.control.telemetry.TracingSwitch;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.runtime.annotations.QuarkusMain;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Starts the embedded database, if it is to be used, before anything that needs it, and ends it after everything
 * that needed it.
 */
@QuarkusMain
public final class ControlPlane implements QuarkusApplication {
    private static final Logger LOG = Logger.getLogger(ControlPlane.class);

    /** Ends the process if the application does not end by itself. */
    private static final long SHUTDOWN_SECONDS = 30;

    public static void main(String... args) throws IOException {
        TracingSwitch.apply(System.getenv());
        SmallRyeConfig config = config();
        String mode = config.getValue("stockade.database.mode", String.class);
        EmbeddedDatabase database = switch (mode) {
            case "embedded" -> embedded(config);
            case "external" -> null;
            default ->
                throw new IllegalArgumentException(
                        "stockade.database.mode is " + mode + "; it must be embedded or external");
        };
        CountDownLatch ended = new CountDownLatch(1);
        // The server must outlive the application, whose own shutdown hook runs at the same time as this one.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> await(ended), "database-last"));
        Quarkus.run(
                ControlPlane.class,
                (exitCode, failure) -> {
                    if (failure != null) {
                        LOG.error("the control plane failed", failure);
                    }
                    close(database);
                    ended.countDown();
                    Runtime.getRuntime().halt(exitCode);
                },
                args);
    }

    private static EmbeddedDatabase embedded(SmallRyeConfig config) {
        Path directory = Path.of(config.getValue("stockade.database.data-dir", String.class))
                .toAbsolutePath();
        EmbeddedDatabase database =
                EmbeddedDatabase.start(directory, config.getValue("stockade.database.port", Integer.class));
        System.setProperty(
                "quarkus.datasource.jdbc.url", "jdbc:postgresql://127.0.0.1:" + database.port() + "/postgres");
        System.setProperty("quarkus.datasource.username", "postgres");
        return database;
    }

    /** Quarkus's configuration is there only once it runs. */
    private static SmallRyeConfig config() throws IOException {
        ClassLoader loader = ControlPlane.class.getClassLoader();
        SmallRyeConfigBuilder builder = new SmallRyeConfigBuilder()
                .forClassLoader(loader)
                .addDefaultInterceptors()
                .addDefaultSources();
        URL defaults = loader.getResource("application.properties");
        if (defaults != null) {
            builder.withSources(new PropertiesConfigSource(defaults, 250));
        }
        Path beside = Path.of("config", "application.properties");
        if (Files.exists(beside)) {
            builder.withSources(new PropertiesConfigSource(beside.toUri().toURL(), 260));
        }
        return builder.build();
    }

    private static void close(@Nullable EmbeddedDatabase database) {
        if (database != null) {
            database.close();
        }
    }

    private static void await(CountDownLatch ended) {
        try {
            if (!ended.await(SHUTDOWN_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("the control plane did not end in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public int run(String... args) {
        Quarkus.waitForExit();
        return 0;
    }
}
