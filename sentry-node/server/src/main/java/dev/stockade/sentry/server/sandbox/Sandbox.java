package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.NodeEvent;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxPhase;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.proto.sentry.v1.StreamError;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.boot.SandboxStatistics;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import dev.stockade.sentry.server.runtime.SandboxListener;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One incarnation of a sandbox on this node. Its phase goes CREATED, RUNNING and STOPPED or FAILED, never back; the last
 * two are reached once its kernel is closed and everything it held is freed. Thread-safe.
 */
public final class Sandbox implements Execution.Owner, SandboxListener {
    public static final String MAIN = "main";

    private static final Logger LOG = Logger.getLogger(Sandbox.class);
    private static final int SIGTERM = 15;

    private final SandboxKey key;
    private final SandboxSpec spec;
    private final SandboxLimits limits;
    private final ReportHub hub;
    private final ScheduledExecutorService timers;
    private final NodeCapacity.Reservation reservation;
    private final Execution main;
    private final CompletableFuture<SandboxInstance> created = new CompletableFuture<>();
    private final CompletableFuture<SandboxReport> finished = new CompletableFuture<>();
    private final long requestedAtNs = System.nanoTime();

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private SandboxReport report;

    @GuardedBy("lock")
    private final Map<String, Execution> executions = new LinkedHashMap<>();

    /** Why the main process was killed by this node, if it was. */
    @GuardedBy("lock")
    private @Nullable String killReason;

    /** The end has begun: somebody closes the kernel. */
    @GuardedBy("lock")
    private boolean ending;

    @GuardedBy("lock")
    private @Nullable Future<?> timeout;

    Sandbox(
            SandboxKey key,
            SandboxSpec spec,
            SandboxLimits limits,
            ReportHub hub,
            ScheduledExecutorService timers,
            NodeCapacity.Reservation reservation) {
        this.key = key;
        this.spec = spec;
        this.limits = limits;
        this.hub = hub;
        this.timers = timers;
        this.reservation = reservation;
        this.main = new Execution(MAIN, spec.getMain(), new LogRing(limits.logBytes()), this);
        this.report = SandboxReport.newBuilder().setKey(key).build();
    }

    public SandboxKey key() {
        return key;
    }

    public SandboxSpec spec() {
        return spec;
    }

    public Execution main() {
        return main;
    }

    public SandboxReport report() {
        lock.lock();
        try {
            return report;
        } finally {
            lock.unlock();
        }
    }

    /** Zeros unless the sandbox holds a kernel. */
    public SandboxStatistics statistics() {
        SandboxInstance i = created.isCompletedExceptionally() || finished.isDone() ? null : created.getNow(null);
        return i == null ? SandboxStatistics.NONE : i.statistics();
    }

    /** Nanoseconds since the sandbox was asked for. */
    long ageNs() {
        return System.nanoTime() - requestedAtNs;
    }

    // ---- creation

    /** The kernel is there: called once by the table, and then {@link #startMainUnlessAwaited}. */
    void ready(SandboxInstance instance) {
        publishPhase(SandboxPhase.SANDBOX_PHASE_CREATED, null, "", "");
        created.complete(instance);
        var unused = instance.panic().thenAcceptAsync(this::panicked, r -> {
            Thread.ofVirtual().name("sandbox-" + key.getSandboxId() + "-panic").start(r);
        });
    }

    void startMainUnlessAwaited() {
        if (!spec.getStartOnAttach()) {
            main.start();
        }
    }

    void notCreated(RuntimeException why) {
        reservation.close();
        created.completeExceptionally(why);
        finished.completeExceptionally(why);
        main.abandon("the sandbox could not be created");
    }

    /** Waits until the kernel is there; throws why it is not. */
    SandboxInstance awaitCreated() {
        try {
            return created.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.withDescription("interrupted").asRuntimeException();
        }
    }

    // ---- executions

    /** Announces a command. Repeated with the same id it changes nothing. */
    void announce(String executionId, CommandSpec command) {
        lock.lock();
        try {
            if (report.getPhase() != SandboxPhase.SANDBOX_PHASE_RUNNING || ending) {
                throw Status.FAILED_PRECONDITION
                        .withDescription("the sandbox is not running")
                        .asRuntimeException();
            }
            if (executionId.equals(MAIN) || executions.containsKey(executionId)) {
                return;
            }
            if (executions.size() >= limits.executions()) {
                forgetOldestOver();
            }
            executions.put(executionId, new Execution(executionId, command, null, this));
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void forgetOldestOver() {
        for (Iterator<Execution> i = executions.values().iterator(); i.hasNext(); ) {
            if (i.next().isOver()) {
                i.remove();
                return;
            }
        }
        throw Status.RESOURCE_EXHAUSTED
                .withDescription("the sandbox has " + executions.size() + " executions that are not over")
                .asRuntimeException();
    }

    public Execution execution(String executionId) {
        if (executionId.equals(MAIN)) {
            return main;
        }
        lock.lock();
        try {
            Execution e = executions.get(executionId);
            if (e == null) {
                throw Status.NOT_FOUND
                        .withDescription("no execution '" + executionId + "' in this sandbox")
                        .asRuntimeException();
            }
            return e;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public GuestProcess launch(Execution execution) throws LaunchRefusal {
        SandboxInstance instance = awaitCreated();
        lock.lock();
        try {
            if (ending) {
                throw new LaunchRefusal(0, "the sandbox has ended");
            }
        } finally {
            lock.unlock();
        }
        return execution == main ? instance.startMain(spec.getMain()) : instance.exec(execution.command());
    }

    @Override
    public void launched(Execution execution, GuestProcess process) {
        if (execution != main) {
            publishEvent(event("exec-started", execution.id())
                    .putAttributes("pid", Integer.toString(process.pid()))
                    .build());
            return;
        }
        publishPhase(SandboxPhase.SANDBOX_PHASE_RUNNING, null, "", "");
        if (spec.getTimeoutMs() > 0) {
            lock.lock();
            try {
                timeout = timers.schedule(() -> kill("timeout"), spec.getTimeoutMs(), TimeUnit.MILLISECONDS);
            } finally {
                lock.unlock();
            }
        }
    }

    @Override
    public void refused(Execution execution, StreamError error) {
        ExitStatus status = ExitStatus.newBuilder().setCode(error.getExitCode()).build();
        if (execution == main) {
            finish(SandboxPhase.SANDBOX_PHASE_STOPPED, status, "exec-failed", error.getMessage());
        } else {
            publishEvent(event("exec-exited", execution.id())
                    .setExit(status)
                    .putAttributes("error", error.getMessage())
                    .build());
        }
    }

    @Override
    public void processGone(Execution execution, ProcessExit exit) {
        ExitStatus status = ExitStatus.newBuilder()
                .setCode(exit.code())
                .setSignal(exit.signal())
                .build();
        if (execution != main) {
            publishEvent(event("exec-exited", execution.id()).setExit(status).build());
            return;
        }
        String reason;
        lock.lock();
        try {
            if (killReason != null) {
                reason = killReason;
            } else if (exit.outOfMemory()) {
                reason = "oom-killed";
            } else {
                reason = exit.signal() != 0 ? "signaled" : "exited";
            }
        } finally {
            lock.unlock();
        }
        finish(SandboxPhase.SANDBOX_PHASE_STOPPED, status, reason, "");
    }

    @Override
    public void event(String type, Map<String, String> attributes) {
        publishEvent(NodeEvent.newBuilder()
                .setType(type)
                .setTimeNs(nowNs())
                .putAllAttributes(attributes)
                .build());
    }

    // ---- the end

    private void panicked(String panicReport) {
        LOG.errorf("sandbox %s: kernel panic: %s", key.getSandboxId(), panicReport);
        finish(SandboxPhase.SANDBOX_PHASE_FAILED, null, "kernel-panic", panicReport);
    }

    /** SIGTERM to the main process, SIGKILL to all after the grace period; waits until all is over. */
    SandboxReport stop(Duration grace) {
        SandboxInstance instance = awaitCreated();
        if (main.abandonUnstarted("the sandbox was stopped before its command was started")) {
            finish(SandboxPhase.SANDBOX_PHASE_STOPPED, null, "stopped", "");
            return awaitFinished();
        }
        main.start(); // returns once a start that is under way is done
        if (finished.isDone()) {
            return awaitFinished();
        }
        lock.lock();
        try {
            if (killReason == null) {
                killReason = "stopped";
            }
        } finally {
            lock.unlock();
        }
        GuestProcess process = main.process();
        if (process != null && grace.isPositive()) {
            process.signal(SIGTERM);
            try {
                return finished.get(grace.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // fall through to SIGKILL
            } catch (ExecutionException e) {
                throw new IllegalStateException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw Status.CANCELLED.withDescription("interrupted").asRuntimeException();
            }
        }
        instance.kill();
        return awaitFinished();
    }

    private void kill(String reason) {
        lock.lock();
        try {
            if (killReason == null) {
                killReason = reason;
            }
        } finally {
            lock.unlock();
        }
        awaitCreated().kill();
    }

    /** Waits until everything is freed; throws why the sandbox was not created. */
    public SandboxReport awaitFinished() {
        try {
            return finished.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException r ? r : new IllegalStateException(e.getCause());
        } catch (TimeoutException e) {
            throw Status.INTERNAL
                    .withDescription("the sandbox did not end within 60 s of being killed")
                    .asRuntimeException();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Status.CANCELLED.withDescription("interrupted").asRuntimeException();
        }
    }

    boolean isFinished() {
        return finished.isDone();
    }

    /** Frees everything, then says how it ended. The first caller's word counts. */
    private void finish(SandboxPhase phase, @Nullable ExitStatus exit, String reason, String message) {
        List<Execution> others;
        lock.lock();
        try {
            if (ending) {
                return;
            }
            ending = true;
            others = List.copyOf(executions.values());
            if (timeout != null) {
                timeout.cancel(false);
            }
        } finally {
            lock.unlock();
        }
        boolean failed = phase == SandboxPhase.SANDBOX_PHASE_FAILED;
        try {
            if (failed) {
                String line = "the sandbox's kernel failed: "
                        + message.lines().findFirst().orElse("");
                main.abandon(line);
                others.forEach(e -> e.abandon(line));
            }
            awaitCreated().close();
            others.forEach(e -> e.abandonUnstarted("the sandbox has ended"));
        } catch (RuntimeException e) {
            LOG.errorf(e, "sandbox %s: closing its kernel failed", key.getSandboxId());
        } finally {
            reservation.close();
            finished.complete(publishPhase(phase, exit, reason, message));
        }
    }

    /** Cuts off every client, before the sandbox is forgotten. */
    void disconnectAll(String reason) {
        List<Execution> others;
        lock.lock();
        try {
            others = List.copyOf(executions.values());
        } finally {
            lock.unlock();
        }
        main.abandon(reason);
        others.forEach(e -> e.abandon(reason));
    }

    // ---- reports

    private SandboxReport publishPhase(SandboxPhase phase, @Nullable ExitStatus exit, String reason, String message) {
        lock.lock();
        try {
            SandboxReport.Builder next = SandboxReport.newBuilder()
                    .setKey(key)
                    .setPhase(phase)
                    .setReason(reason)
                    .setMessage(message)
                    .setTimeNs(nowNs());
            if (exit != null) {
                next.setExit(exit);
            }
            report = next.build();
            hub.publish(report);
            return report;
        } finally {
            lock.unlock();
        }
    }

    private void publishEvent(NodeEvent event) {
        lock.lock();
        try {
            hub.publishEvent(report.toBuilder().addEvents(event).build());
        } finally {
            lock.unlock();
        }
    }

    private static NodeEvent.Builder event(String type, String executionId) {
        return NodeEvent.newBuilder().setType(type).setExecutionId(executionId).setTimeNs(nowNs());
    }

    private static long nowNs() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
