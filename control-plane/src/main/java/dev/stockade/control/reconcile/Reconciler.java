package dev.stockade.control.reconcile;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.events.EventsConfig;
import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.lifecycle.SandboxConfig;
import dev.stockade.control.nodes.NodeChannels;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.control.storage.Outbox;
import dev.stockade.control.storage.SandboxStore;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The loop that brings what is toward what is wanted. Every replica breaks its connections to lost nodes; the rest is
 * the leader's.
 *
 * <p>One virtual thread of its own runs the loop; calls to nodes run on others, so that one slow node holds up nobody.
 */
@ApplicationScoped
public class Reconciler {
    private static final Logger LOG = Logger.getLogger(Reconciler.class);

    private final Leadership leadership;
    private final NodeStore nodes;
    private final SandboxStore sandboxes;
    private final Outbox outbox;
    private final NodeChannels channels;
    private final NodeWatches watches;
    private final OrphanSweep orphans;
    private final Resume resume;
    private final LostNodes lostNodes;
    private final ReconcileConfig config;
    private final SandboxConfig sandboxConfig;
    private final EventsConfig eventsConfig;
    private final Clock clock;
    private final boolean aloneOnDatabase;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Set<String> underWay = ConcurrentHashMap.newKeySet();
    private Instant lastPrune = Instant.EPOCH;
    private @Nullable Thread loop;

    Reconciler(
            Leadership leadership,
            NodeStore nodes,
            SandboxStore sandboxes,
            Outbox outbox,
            NodeChannels channels,
            NodeWatches watches,
            OrphanSweep orphans,
            Resume resume,
            LostNodes lostNodes,
            ReconcileConfig config,
            SandboxConfig sandboxConfig,
            EventsConfig eventsConfig,
            Clock clock,
            @ConfigProperty(name = "stockade.database.mode") String databaseMode) {
        this.leadership = leadership;
        this.nodes = nodes;
        this.sandboxes = sandboxes;
        this.outbox = outbox;
        this.channels = channels;
        this.watches = watches;
        this.orphans = orphans;
        this.resume = resume;
        this.lostNodes = lostNodes;
        this.config = config;
        this.sandboxConfig = sandboxConfig;
        this.eventsConfig = eventsConfig;
        this.clock = clock;
        this.aloneOnDatabase = databaseMode.equals("embedded");
    }

    void start(@Observes StartupEvent event) {
        if (aloneOnDatabase) {
            leadership.takeOver();
        }
        loop = Thread.ofVirtual().name("reconciler").start(this::run);
    }

    void stop(@Observes @Priority(1000) ShutdownEvent event) throws InterruptedException {
        stopping.countDown();
        Thread running = loop;
        if (running != null) {
            running.join(TimeUnit.SECONDS.toMillis(5));
        }
    }

    private void run() {
        try {
            do {
                try {
                    step();
                } catch (RuntimeException e) {
                    LOG.warnf("reconciling is not possible now: %s", e);
                }
            } while (!stopping.await(config.interval().toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            LOG.debug("interrupted");
        }
        watches.follow(List.of());
        try {
            leadership.resign();
        } catch (RuntimeException e) {
            LOG.debugf("the lease was not given back, it expires: %s", e);
        }
    }

    private void step() throws InterruptedException {
        boolean leader = leadership.renew();
        if (leader) {
            lostNodes.sweep();
            // Before their streams break: whoever asks why shall find the answer.
            orphans.sweep();
        }
        List<FleetNode> ready = nodes.all().stream().filter(FleetNode::isReady).toList();
        channels.retain(ready.stream().map(FleetNode::address).collect(Collectors.toSet()));
        watches.follow(
                leader
                        ? ready.stream()
                                .filter(node -> node.kind() == FleetNode.Kind.SENTRY)
                                .toList()
                        : List.of());
        if (!leader) {
            return;
        }
        for (Sandbox sandbox : sandboxes.needingAttention(config.parallelism())) {
            resume(sandbox);
        }
        prune();
    }

    private void resume(Sandbox sandbox) {
        if (underWay.add(sandbox.id())) {
            resume.claim(sandbox);
            Thread.ofVirtual().name("resume-" + sandbox.id()).start(() -> {
                try {
                    resume.resume(sandbox);
                } catch (RuntimeException e) {
                    LOG.warnf("sandbox %s can't be brought on: %s", sandbox.id(), e.getMessage());
                } finally {
                    underWay.remove(sandbox.id());
                }
            });
        }
    }

    private void prune() {
        Instant now = clock.instant();
        if (now.isBefore(lastPrune.plus(config.pruneInterval()))) {
            return;
        }
        lastPrune = now;
        outbox.prune(now.minus(eventsConfig.retention()));
        sandboxes.prune(now.minus(sandboxConfig.deletedRetention()));
        nodes.prune(config.nodeRetention());
    }
}
