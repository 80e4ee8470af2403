package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.proto.sentry.v1.SandboxReport;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The last report of each sandbox, and who watches them. A watcher sees one snapshot and then every change after it,
 * in order; one that does not keep up is cut off rather than buffered without bound. Thread-safe; never calls out.
 */
public final class ReportHub {
    private final int queueLength;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<String, SandboxReport> latest = new LinkedHashMap<>();

    @GuardedBy("lock")
    private final List<Subscription> subscriptions = new ArrayList<>();

    /** @param queueLength changes that a watcher may be behind */
    public ReportHub(int queueLength) {
        this.queueLength = queueLength;
    }

    /** Makes {@code report} the sandbox's state and tells the watchers. */
    public void publish(SandboxReport report) {
        lock.lock();
        try {
            latest.put(
                    report.getKey().getSandboxId(),
                    report.toBuilder().clearEvents().setSnapshot(true).build());
            for (Subscription s : subscriptions) {
                s.offer(report);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Tells the watchers of something that changes no state; nothing if the sandbox is not known any more. */
    public void publishEvent(SandboxReport report) {
        lock.lock();
        try {
            SandboxReport known = latest.get(report.getKey().getSandboxId());
            if (known != null && known.getKey().equals(report.getKey())) {
                for (Subscription s : subscriptions) {
                    s.offer(report);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** The sandbox is no longer known here, if this incarnation is still the known one. */
    public void forget(String sandboxId, long incarnation) {
        lock.lock();
        try {
            SandboxReport r = latest.get(sandboxId);
            if (r != null && r.getKey().getIncarnation() == incarnation) {
                latest.remove(sandboxId);
            }
        } finally {
            lock.unlock();
        }
    }

    public List<SandboxReport> snapshot() {
        lock.lock();
        try {
            return List.copyOf(latest.values());
        } finally {
            lock.unlock();
        }
    }

    public Subscription subscribe() {
        lock.lock();
        try {
            Subscription s = new Subscription(List.copyOf(latest.values()));
            subscriptions.add(s);
            return s;
        } finally {
            lock.unlock();
        }
    }

    /** One watcher's queue. */
    public final class Subscription implements AutoCloseable {
        private final List<SandboxReport> snapshot;
        private final Condition changed = lock.newCondition();

        @GuardedBy("lock")
        private final ArrayDeque<SandboxReport> queue = new ArrayDeque<>();

        @GuardedBy("lock")
        private boolean overflowed;

        @GuardedBy("lock")
        private boolean ended;

        private Subscription(List<SandboxReport> snapshot) {
            this.snapshot = snapshot;
        }

        /** What was known when the watch began. */
        public List<SandboxReport> snapshot() {
            return snapshot;
        }

        /** The next change; null when the watcher fell too far behind or was ended: see {@link #overflowed}. */
        public @Nullable SandboxReport next() throws InterruptedException {
            lock.lockInterruptibly();
            try {
                while (true) {
                    if (overflowed) {
                        return null;
                    }
                    SandboxReport r = queue.pollFirst();
                    if (r != null) {
                        return r;
                    }
                    if (ended) {
                        return null;
                    }
                    changed.await();
                }
            } finally {
                lock.unlock();
            }
        }

        public boolean overflowed() {
            lock.lock();
            try {
                return overflowed;
            } finally {
                lock.unlock();
            }
        }

        /** Called with the hub's lock held already. */
        private void offer(SandboxReport report) {
            lock.lock();
            try {
                if (overflowed || ended) {
                    return;
                }
                if (queue.size() >= queueLength) {
                    overflowed = true;
                    queue.clear();
                } else {
                    queue.addLast(report);
                }
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void close() {
            lock.lock();
            try {
                subscriptions.remove(this);
                ended = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
