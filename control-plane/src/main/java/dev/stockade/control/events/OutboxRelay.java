package dev.stockade.control.events;

import dev.stockade.control.leadership.Leadership;
import dev.stockade.control.storage.EventRow;
import dev.stockade.control.storage.Outbox;
import dev.stockade.control.storage.OutboxGrew;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.event.TransactionPhase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Publishes the outbox. Of each sandbox one event is under way at a time, and the next one goes only once the
 * broker has it; sandboxes do not wait for each other. What was not acknowledged stays in the outbox and is sent
 * again, so an event may arrive twice, with the same id.
 *
 * <p>One virtual thread of its own runs the loop, on the replica that leads.
 */
@ApplicationScoped
public class OutboxRelay {
    private static final Logger LOG = Logger.getLogger(OutboxRelay.class);
    private static final long BACKOFF_MS = 1000;

    private final Outbox outbox;
    private final EventSink publisher;
    private final Leadership leadership;
    private final EventsConfig config;
    private final Semaphore wake = new Semaphore(0);
    private final ExecutorService senders = Executors.newVirtualThreadPerTaskExecutor();
    private volatile boolean stopping;
    private volatile @Nullable String failure;
    private final AtomicLong publishedCount = new AtomicLong();
    private @Nullable Thread loop;

    OutboxRelay(Outbox outbox, EventSink publisher, Leadership leadership, EventsConfig config) {
        this.outbox = outbox;
        this.publisher = publisher;
        this.leadership = leadership;
        this.config = config;
    }

    void start(@Observes StartupEvent event) {
        loop = Thread.ofVirtual().name("outbox-relay").start(this::run);
    }

    void stop(@Observes @Priority(1) ShutdownEvent event) throws InterruptedException {
        stopping = true;
        wake.release();
        Thread running = loop;
        if (running != null) {
            running.join(TimeUnit.SECONDS.toMillis(5));
        }
        senders.shutdownNow();
    }

    void grew(@Observes(during = TransactionPhase.AFTER_SUCCESS) OutboxGrew event) {
        wake.release();
    }

    /** Why the last event was not published; null if it was. */
    public @Nullable String failure() {
        return failure;
    }

    /** Events that this replica published since it started. */
    public long publishedCount() {
        return publishedCount.get();
    }

    private void run() {
        while (!stopping) {
            boolean more = false;
            try {
                more = leadership.isLeader() && relay();
            } catch (RuntimeException e) {
                LOG.warnf("events can't be relayed now: %s", e);
                pause(BACKOFF_MS);
            }
            if (!more) {
                pause(config.pollInterval().toMillis());
            }
        }
    }

    private void pause(long millis) {
        try {
            if (wake.tryAcquire(millis, TimeUnit.MILLISECONDS)) {
                wake.drainPermits();
            }
        } catch (InterruptedException e) {
            stopping = true;
        }
    }

    /** Returns whether there may be more to send at once. */
    private boolean relay() {
        List<EventRow> batch = outbox.pending(config.batchSize());
        if (batch.isEmpty()) {
            return false;
        }
        Map<String, List<EventRow>> bySandbox = new LinkedHashMap<>();
        batch.forEach(event -> bySandbox
                .computeIfAbsent(event.sandboxId(), id -> new ArrayList<>())
                .add(event));
        List<Long> published = new ArrayList<>();
        RuntimeException refused = null;
        try {
            List<Callable<Sent>> tasks = bySandbox.values().stream()
                    .<Callable<Sent>>map(events -> () -> inOrder(events))
                    .toList();
            for (Future<Sent> future : senders.invokeAll(tasks)) {
                Sent sent = future.get();
                published.addAll(sent.ids());
                refused = sent.failure() == null ? refused : sent.failure();
            }
        } catch (InterruptedException e) {
            stopping = true;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            outbox.published(published);
            publishedCount.addAndGet(published.size());
        }
        if (refused != null) {
            boolean first = failure == null;
            failure = rootMessage(refused);
            if (first) {
                LOG.warnf("the broker does not take events, they wait in the database: %s", failure);
            }
            pause(BACKOFF_MS);
            return true;
        }
        if (failure != null) {
            LOG.info("the broker takes events again");
            failure = null;
        }
        return true;
    }

    /** The outer ones tell of retries. */
    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return String.valueOf(root.getMessage());
    }

    private record Sent(List<Long> ids, @Nullable RuntimeException failure) {}

    private Sent inOrder(List<EventRow> events) {
        List<Long> ids = new ArrayList<>();
        for (EventRow event : events) {
            try {
                publisher.publish(event);
            } catch (RuntimeException e) {
                return new Sent(ids, e);
            }
            ids.add(event.id());
        }
        return new Sent(ids, null);
    }
}
