package dev.stockade.gofer.service;

import dev.stockade.gofer.builtin.BusyboxImage;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.gofer.session.SessionLimits;
import dev.stockade.gofer.session.Sessions;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.StoreLimits;
import dev.stockade.gofer.tree.TreeLimits;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.Startup;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/** Opens the image store when the node starts, tidies up now and then, and closes everything when it stops. */
@Startup
@ApplicationScoped
public class GoferNode {
    private static final Logger LOG = Logger.getLogger(GoferNode.class);
    private static final int MAX_PATH_BYTES = 4096;
    private static final int MAX_READ_BYTES = 4 << 20;
    private static final long TIDY_SECONDS = 5;

    private final ImageStore store;
    private final Sessions sessions;
    private final BusyboxImage busybox;
    private final ReadStreams reads;
    private final ScheduledExecutorService tidier = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("gofer-tidier").daemon().factory());
    private final ScheduledFuture<?> tidying;

    @Inject
    public GoferNode(GoferConfig config, ReadStreams reads) throws IOException {
        Path dataDir = config.dataDir().toAbsolutePath();
        int openFiles = Math.min(config.maxOpenFiles(), maxOpenFilesOfProcess() / 2);
        StoreLimits storeLimits = new StoreLimits(
                config.maxImageBytes(),
                new TreeLimits(config.maxImageFiles(), Math.min(config.maxPathBytes(), MAX_PATH_BYTES)),
                openFiles,
                config.maxIdleImages());
        try {
            this.store = ImageStore.open(dataDir, storeLimits, Clock.systemUTC(), config.orphanGrace());
        } catch (FileSystemException e) {
            throw new IOException("cannot keep images in " + dataDir + " (stockade.gofer.data-dir): " + e, e);
        }
        String problem = HostDirectory.checkSupport(dataDir);
        if (!problem.isEmpty()) {
            store.close();
            throw new IOException(problem);
        }
        SessionLimits sessionLimits = new SessionLimits(
                config.maxSessions(),
                config.maxSessionsPerPeer(),
                config.maxHandles(),
                config.maxHandlesPerSession(),
                config.maxNamesPerWalk(),
                config.maxReadsPerSession(),
                config.maxReadsPerPeer(),
                MAX_READ_BYTES,
                config.sessionIdleTimeout());
        this.sessions = new Sessions(store, sessionLimits, System::nanoTime);
        this.busybox = new BusyboxImage(store);
        this.reads = reads;
        this.tidying = tidier.scheduleWithFixedDelay(this::tidy, TIDY_SECONDS, TIDY_SECONDS, TimeUnit.SECONDS);
        LOG.infof("serving %d images in %s", store.list().size(), dataDir);
    }

    private void tidy() {
        try {
            reads.cancelStalled();
            sessions.expireIdle();
            store.collectOrphans();
        } catch (RuntimeException e) {
            LOG.error("tidying up failed", e);
        }
    }

    /** The soft limit as the JVM has raised it. */
    private static int maxOpenFilesOfProcess() throws IOException {
        try (Stream<String> limits = Files.lines(Path.of("/proc/self/limits"))) {
            return limits.filter(l -> l.startsWith("Max open files"))
                    .map(l -> l.split("\\s+")[3])
                    .filter(l -> l.matches("\\d{1,9}"))
                    .mapToInt(Integer::parseInt)
                    .findFirst()
                    .orElse(Integer.MAX_VALUE);
        }
    }

    public ImageStore store() {
        return store;
    }

    public Sessions sessions() {
        return sessions;
    }

    public BusyboxImage busybox() {
        return busybox;
    }

    /** After the gRPC server has stopped taking calls. */
    void stop(@Observes @Priority(Integer.MAX_VALUE) ShutdownEvent event) throws IOException {
        tidying.cancel(false);
        tidier.shutdownNow();
        reads.cancelAll();
        sessions.close();
        store.close();
    }
}
