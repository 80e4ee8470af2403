package dev.stockade.sentry.server.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/** Collects released handles and sends them in batches: when there are many, or after a moment. Never blocks. */
final class HandleReleases {
    private static final int BATCH = 256;
    private static final long DELAY_MS = 50;

    private final ScheduledExecutorService scheduler;
    private final BiConsumer<GoferSession, List<Long>> sender;

    @GuardedBy("this")
    private List<Long> handles = new ArrayList<>();

    @GuardedBy("this")
    private GoferSession session;

    @GuardedBy("this")
    private boolean scheduled;

    HandleReleases(
            ScheduledExecutorService scheduler, GoferSession session, BiConsumer<GoferSession, List<Long>> sender) {
        this.scheduler = scheduler;
        this.session = session;
        this.sender = sender;
    }

    /** Takes a handle of that session; those of earlier sessions have died with them. */
    void add(GoferSession of, long handle) {
        boolean full;
        synchronized (this) {
            if (!session.equals(of)) {
                session = of;
                handles.clear();
            }
            handles.add(handle);
            full = handles.size() >= BATCH;
            if (!full && !scheduled) {
                schedule();
            }
        }
        if (full) {
            flush();
        }
    }

    @GuardedBy("this")
    @SuppressWarnings("FutureReturnValueIgnored") // flush does not fail, and at the end nobody needs it any more
    private void schedule() {
        try {
            scheduler.schedule(this::flush, DELAY_MS, TimeUnit.MILLISECONDS);
            scheduled = true;
        } catch (RejectedExecutionException e) {
            handles.clear(); // the node is going down, and its sessions with it
        }
    }

    void flush() {
        List<Long> batch;
        GoferSession of;
        synchronized (this) {
            scheduled = false;
            batch = handles;
            of = session;
            handles = new ArrayList<>();
        }
        if (!batch.isEmpty()) {
            sender.accept(of, batch);
        }
    }
}
