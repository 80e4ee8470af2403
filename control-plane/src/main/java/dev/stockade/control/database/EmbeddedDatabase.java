package dev.stockade.control.database;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL server of this process's own: a child process on the loopback interface whose data stay in a
 * directory. For one control plane on one machine: every user of the machine may connect to it.
 *
 * <p>A lock file says that a control plane uses the directory. Whoever has the lock may end a server that a killed
 * predecessor left behind.
 */
public final class EmbeddedDatabase implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(EmbeddedDatabase.class);
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final FileChannel lockFile;
    private final EmbeddedPostgres server;

    private EmbeddedDatabase(FileChannel lockFile, EmbeddedPostgres server) {
        this.lockFile = lockFile;
        this.server = server;
    }

    /**
     * Starts a server on the data of the directory, which is made if it is missing.
     *
     * @param port 0: any free one
     */
    public static EmbeddedDatabase start(Path directory, int port) {
        FileChannel lockFile = null;
        try {
            Files.createDirectories(directory);
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
            lockFile = lock(directory);
            Path data = directory.resolve("data");
            stopStaleServer(data);
            EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                    .setDataDirectory(data)
                    .setCleanDataDirectory(false)
                    .setRegisterShutdownHook(false)
                    .setOverrideWorkingDirectory(directory.resolve("server").toFile())
                    .setPGStartupWait(Duration.ofSeconds(60))
                    // The library turns both off; a commit must survive.
                    .setServerConfig("fsync", "on")
                    .setServerConfig("synchronous_commit", "on")
                    .setServerConfig("listen_addresses", "127.0.0.1")
                    .setServerConfig("unix_socket_directories", "''")
                    .setServerConfig("max_connections", "60")
                    .setServerConfig("shared_buffers", "32MB");
            if (port != 0) {
                builder.setPort(port);
            }
            return new EmbeddedDatabase(lockFile, builder.start());
        } catch (IOException e) {
            close(lockFile);
            throw new UncheckedIOException(
                    "the embedded PostgreSQL server did not start in " + directory + " on port " + port
                            + ": is the port taken?",
                    e);
        } catch (RuntimeException e) {
            close(lockFile);
            throw e;
        }
    }

    private static FileChannel lock(Path directory) throws IOException {
        FileChannel file =
                FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock;
        try {
            lock = file.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            file.close();
            throw new IllegalStateException("another control plane uses " + directory
                    + ": stop it, or set stockade.database.data-dir to another directory");
        }
        return file;
    }

    private static void stopStaleServer(Path data) throws IOException {
        Path pidFile = data.resolve("postmaster.pid");
        Optional<ProcessHandle> stale = staleServer(pidFile, data);
        if (stale.isPresent()) {
            LOG.warnf(
                    "ending PostgreSQL server %d, which a killed control plane left behind",
                    stale.get().pid());
            // SIGTERM: it waits for its clients, and has none.
            stale.get().destroy();
            if (!ended(stale.get())) {
                stale.get().destroyForcibly();
                if (!ended(stale.get())) {
                    throw new IOException("PostgreSQL server " + stale.get().pid() + " can't be ended");
                }
            }
        }
        Files.deleteIfExists(pidFile);
    }

    private static Optional<ProcessHandle> staleServer(Path pidFile, Path data) throws IOException {
        if (!Files.exists(pidFile)) {
            return Optional.empty();
        }
        String pid = Files.readAllLines(pidFile).stream().findFirst().orElse("").strip();
        if (!pid.matches("[0-9]{1,18}")) {
            return Optional.empty();
        }
        // The pid may be another program's by now.
        return ProcessHandle.of(Long.parseLong(pid)).filter(process -> isServerOf(process, data));
    }

    private static boolean isServerOf(ProcessHandle process, Path data) {
        try {
            String commandLine = Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
            return commandLine.contains("postgres") && commandLine.contains(data.toString());
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean ended(ProcessHandle process) {
        try {
            process.onExit().get(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } catch (ExecutionException | TimeoutException e) {
            return false;
        }
    }

    public int port() {
        return server.getPort();
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            LOG.warn("the embedded PostgreSQL server did not end cleanly", e);
        }
        close(lockFile);
    }

    private static void close(@Nullable FileChannel lockFile) {
        if (lockFile != null) {
            try {
                lockFile.close();
            } catch (IOException e) {
                LOG.debug("closing the lock file", e);
            }
        }
    }
}
