package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.sentry.server.runtime.RuntimeRefusal;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.ReentrantLock;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The sandboxes of this node by id, at most one incarnation of each. Commands are idempotent, and those for an older
 * incarnation than the last that was heard of are refused, also after that one was deleted. Thread-safe; commands block.
 */
public final class SandboxTable {
    private static final Logger LOG = Logger.getLogger(SandboxTable.class);
    /** Ids whose last incarnation is remembered after their deletion. */
    private static final int REMEMBERED_IDS = 20_000;

    /** Told how long creations took. */
    public interface CreationObserver {
        void created(Duration took);

        void refused(Status.Code why);
    }

    private final SandboxRuntime runtime;
    private final NodeCapacity capacity;
    private final SandboxLimits limits;
    private final ReportHub hub;
    private final ScheduledExecutorService timers;
    private final CreationObserver observer;
    private final SpecCheck check;

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Map<String, Sandbox> sandboxes = new LinkedHashMap<>();

    /** The last incarnation of ids that are or were known. */
    @GuardedBy("lock")
    private final Map<String, Long> incarnations = new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Long> eldest) {
            return size() > REMEMBERED_IDS;
        }
    };

    @GuardedBy("lock")
    private boolean closed;

    public SandboxTable(
            SandboxRuntime runtime,
            NodeCapacity capacity,
            SandboxLimits limits,
            ReportHub hub,
            ScheduledExecutorService timers,
            CreationObserver observer) {
        this.runtime = runtime;
        this.capacity = capacity;
        this.limits = limits;
        this.hub = hub;
        this.timers = timers;
        this.observer = observer;
        this.check = new SpecCheck(limits, runtime.supportsTerminals());
    }

    public SandboxReport create(SandboxKey key, SandboxSpec spec) {
        try {
            check.key(key);
            return createChecked(key, check.sandbox(key, spec));
        } catch (StatusRuntimeException e) {
            observer.refused(e.getStatus().getCode());
            throw e;
        }
    }

    private SandboxReport createChecked(SandboxKey key, SandboxSpec spec) {
        String id = key.getSandboxId();
        while (true) {
            Sandbox known;
            Sandbox mine = null;
            lock.lock();
            try {
                if (closed) {
                    throw Status.UNAVAILABLE
                            .withDescription("this node is shutting down")
                            .asRuntimeException();
                }
                known = sandboxes.get(id);
                Long last = incarnations.get(id);
                if (last != null && last > key.getIncarnation()) {
                    throw superseded(key, last);
                }
                if (known == null) {
                    if (last != null && last == key.getIncarnation()) {
                        throw Status.FAILED_PRECONDITION
                                .withDescription("incarnation " + last + " of this sandbox was deleted here")
                                .asRuntimeException();
                    }
                    mine = new Sandbox(key, spec, limits, hub, timers, capacity.reserve(spec.getMemoryBytes()));
                    sandboxes.put(id, mine);
                    incarnations.put(id, key.getIncarnation());
                }
            } finally {
                lock.unlock();
            }
            if (mine != null) {
                build(mine);
                return mine.report();
            }
            if (known != null && known.key().equals(key)) {
                known.awaitCreated();
                return known.report();
            }
            if (known != null) {
                destroy(known, "a newer incarnation replaces it");
            }
        }
    }

    private void build(Sandbox sandbox) {
        try {
            SandboxInstance instance;
            try {
                instance = runtime.create(sandbox.key(), sandbox.spec(), sandbox);
            } catch (RuntimeRefusal e) {
                throw status(e);
            } catch (RuntimeException | Error e) {
                LOG.errorf(e, "sandbox %s could not be created", sandbox.key().getSandboxId());
                throw Status.INTERNAL
                        .withDescription("the node failed to create the sandbox: " + e)
                        .asRuntimeException();
            }
            sandbox.ready(instance);
            observer.created(Duration.ofNanos(sandbox.ageNs()));
        } catch (StatusRuntimeException e) {
            lock.lock();
            try {
                sandboxes.remove(sandbox.key().getSandboxId(), sandbox);
                incarnations.remove(sandbox.key().getSandboxId(), sandbox.key().getIncarnation());
            } finally {
                lock.unlock();
            }
            sandbox.notCreated(e);
            throw e;
        }
        sandbox.startMainUnlessAwaited();
        forgetOldestFinished();
    }

    private static StatusRuntimeException status(RuntimeRefusal refusal) {
        Status status = switch (refusal.kind()) {
            case NOT_FOUND -> Status.NOT_FOUND;
            case INVALID -> Status.INVALID_ARGUMENT;
            case UNAVAILABLE -> Status.UNAVAILABLE;
            case EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
            case INTERNAL -> Status.INTERNAL;
        };
        return status.withDescription(refusal.getMessage()).withCause(refusal).asRuntimeException();
    }

    private static StatusRuntimeException superseded(SandboxKey key, long last) {
        return Status.FAILED_PRECONDITION
                .withDescription("incarnation " + key.getIncarnation() + " of sandbox " + key.getSandboxId()
                        + " is older than " + last + ", the last one heard of here")
                .asRuntimeException();
    }

    private void forgetOldestFinished() {
        List<Sandbox> finished = new ArrayList<>();
        for (Sandbox s : all()) {
            if (s.isFinished()) {
                finished.add(s);
            }
        }
        for (int i = 0; i < finished.size() - limits.finishedSandboxes(); i++) {
            destroy(finished.get(i), "it was forgotten to make room");
        }
    }

    /** The sandbox of exactly this key. */
    public Sandbox require(SandboxKey key) {
        check.key(key);
        Sandbox s = lookUp(key);
        if (s == null) {
            throw Status.NOT_FOUND
                    .withDescription("no incarnation " + key.getIncarnation() + " of sandbox " + key.getSandboxId()
                            + " on this node")
                    .asRuntimeException();
        }
        return s;
    }

    private @Nullable Sandbox lookUp(SandboxKey key) {
        lock.lock();
        try {
            Long last = incarnations.get(key.getSandboxId());
            if (last != null && last > key.getIncarnation()) {
                throw superseded(key, last);
            }
            Sandbox s = sandboxes.get(key.getSandboxId());
            return s != null && s.key().equals(key) ? s : null;
        } finally {
            lock.unlock();
        }
    }

    public SandboxReport stop(SandboxKey key, Duration grace) {
        return require(key).stop(grace);
    }

    /** Ends the sandbox if it runs and forgets it; also one of an older incarnation. */
    public void delete(SandboxKey key) {
        check.key(key);
        Sandbox known;
        lock.lock();
        try {
            Long last = incarnations.get(key.getSandboxId());
            if (last != null && last > key.getIncarnation()) {
                throw superseded(key, last);
            }
            incarnations.put(key.getSandboxId(), key.getIncarnation());
            known = sandboxes.get(key.getSandboxId());
        } finally {
            lock.unlock();
        }
        if (known != null) {
            destroy(known, "the sandbox was deleted");
        }
    }

    private void destroy(Sandbox sandbox, String reason) {
        try {
            sandbox.stop(Duration.ZERO);
        } catch (StatusRuntimeException e) {
            if (!sandbox.isFinished()) {
                throw e;
            }
        }
        sandbox.disconnectAll(reason);
        lock.lock();
        try {
            sandboxes.remove(sandbox.key().getSandboxId(), sandbox);
        } finally {
            lock.unlock();
        }
        hub.forget(sandbox.key().getSandboxId(), sandbox.key().getIncarnation());
    }

    public void announce(SandboxKey key, String executionId, CommandSpec command) {
        check.executionId(executionId);
        check.command(command);
        require(key).announce(executionId, command);
    }

    public List<Sandbox> all() {
        lock.lock();
        try {
            return List.copyOf(sandboxes.values());
        } finally {
            lock.unlock();
        }
    }

    public ReportHub reports() {
        return hub;
    }

    public NodeCapacity capacity() {
        return capacity;
    }

    /** Refuses new sandboxes and ends all, each with SIGTERM and the grace period first; returns when all is over. */
    public void close(Duration grace) {
        lock.lock();
        try {
            closed = true;
        } finally {
            lock.unlock();
        }
        List<Thread> stoppers = new ArrayList<>();
        for (Sandbox s : all()) {
            stoppers.add(Thread.ofVirtual().start(() -> {
                try {
                    s.stop(grace);
                } catch (StatusRuntimeException e) {
                    LOG.warnf("sandbox %s: %s", s.key().getSandboxId(), e.getMessage());
                }
            }));
        }
        for (Thread t : stoppers) {
            try {
                t.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
