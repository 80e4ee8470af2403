package dev.stockade.sentry.server.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.GuestSystem;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.SyscallStatistics;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.server.runtime.RuntimeRefusal;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Spans (sandbox creation, gofer attach, executions) and counters (system calls, exits, faults, kills for want of memory)
 * of the kernels of this node. Thread-safe.
 */
public final class KernelTelemetry implements AutoCloseable {
    private static final String SANDBOX = "stockade.sandbox.id";
    private static final int SYSCALLS = 511;
    private static final long FLUSH_SECONDS = 5;

    private final MeterRegistry registry;
    private final Tracer tracer;

    /** What was counted of a kernel so far; arrays by system call number and by reason. */
    private static final class Counted {
        final long[] succeeded = new long[SYSCALLS];
        final long[] failed = new long[SYSCALLS];
        final long[] exits = new long[ExitReason.values().length];
        long pageFaults;
    }

    @GuardedBy("this")
    private final Map<GuestSystem, Counted> counted = new IdentityHashMap<>();

    private final ScheduledExecutorService flusher = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("kernel-figures").factory());

    public KernelTelemetry(MeterRegistry registry, Tracer tracer) {
        this.registry = registry;
        this.tracer = tracer;
        var unused = flusher.scheduleWithFixedDelay(this::flush, FLUSH_SECONDS, FLUSH_SECONDS, TimeUnit.SECONDS);
    }

    interface Creation {
        SandboxInstance create() throws RuntimeRefusal;
    }

    interface Attachment {
        GoferClient attach() throws RuntimeRefusal;
    }

    interface Launch {
        GuestProcess launch() throws LaunchRefusal;
    }

    SandboxInstance creating(SandboxKey key, SandboxSpec spec, Creation creation) throws RuntimeRefusal {
        Span span = tracer.spanBuilder("sandbox create")
                .setAttribute(SANDBOX, key.getSandboxId())
                .setAttribute("stockade.image", spec.getImageName())
                .startSpan();
        try (Scope _ = span.makeCurrent()) {
            return creation.create();
        } catch (RuntimeRefusal | RuntimeException e) {
            span.setStatus(StatusCode.ERROR, String.valueOf(e.getMessage()));
            throw e;
        } finally {
            span.end();
        }
    }

    GoferClient attaching(SandboxSpec spec, Attachment attachment) throws RuntimeRefusal {
        Span span = tracer.spanBuilder("gofer attach")
                .setAttribute("server.address", spec.getGoferAddress())
                .startSpan();
        try (Scope _ = span.makeCurrent()) {
            return attachment.attach();
        } catch (RuntimeRefusal | RuntimeException e) {
            span.setStatus(StatusCode.ERROR, String.valueOf(e.getMessage()));
            throw e;
        } finally {
            span.end();
        }
    }

    /** The span lasts until the process is gone. */
    GuestProcess executing(SandboxKey key, CommandSpec command, Launch launch) throws LaunchRefusal {
        Span span = tracer.spanBuilder("execution")
                .setAttribute(SANDBOX, key.getSandboxId())
                .setAttribute("process.executable.path", command.getArgs(0))
                .startSpan();
        boolean launched = false;
        try (Scope _ = span.makeCurrent()) {
            GuestProcess process = launch.launch();
            launched = true;
            span.setAttribute("process.pid", process.pid());
            var unused = process.exit().thenAccept(e -> ended(span, e));
            return process;
        } catch (LaunchRefusal e) {
            span.setStatus(StatusCode.ERROR, String.valueOf(e.getMessage()));
            throw e;
        } finally {
            if (!launched) {
                span.end();
            }
        }
    }

    private static void ended(Span span, ProcessExit exit) {
        span.setAttribute("process.exit.code", exit.code());
        if (exit.signal() != 0) {
            span.setStatus(StatusCode.ERROR, "killed by signal " + exit.signal());
        }
        span.end();
    }

    /** By task threads: must not block. */
    void event(String type, Map<String, String> attributes) {
        switch (type) {
            case EventSink.OOM_KILL ->
                Counter.builder("stockade.oom.kills")
                        .description("Processes killed because their sandbox passed its memory limit")
                        .register(registry)
                        .increment();
            case EventSink.UNIMPLEMENTED_SYSCALL -> {
                String name = attributes.getOrDefault("name", "#");
                Counter.builder("stockade.syscalls.unimplemented")
                        .description("Reports of system calls that are not implemented (limited per sandbox and call)")
                        .tag("name", name.startsWith("#") ? "unknown" : name)
                        .register(registry)
                        .increment();
            }
            default -> {}
        }
    }

    synchronized void opened(GuestSystem guest) {
        counted.put(guest, new Counted());
    }

    synchronized void closed(GuestSystem guest) {
        count(guest);
        counted.remove(guest);
    }

    @Override
    public void close() {
        flusher.shutdownNow();
    }

    /** Brings the counters up to date. */
    synchronized void flush() {
        counted.keySet().forEach(this::count);
    }

    @GuardedBy("this")
    private void count(GuestSystem guest) {
        Counted before = counted.get(guest);
        if (before == null) {
            return;
        }
        SyscallStatistics now = guest.figures();
        for (int number = 0; number < SYSCALLS; number++) {
            long failed = now.failures(number);
            long succeeded = Math.max(before.succeeded[number], now.calls(number) - failed);
            if (succeeded != before.succeeded[number]) {
                syscalls(guest.syscallName(number), "ok").increment(succeeded - before.succeeded[number]);
                before.succeeded[number] = succeeded;
            }
            if (failed != before.failed[number]) {
                syscalls(guest.syscallName(number), "error").increment(failed - before.failed[number]);
                before.failed[number] = failed;
            }
        }
        for (ExitReason reason : ExitReason.values()) {
            long exits = now.exits(reason);
            if (exits != before.exits[reason.ordinal()]) {
                Counter.builder("stockade.vm.exits")
                        .description("Returns from guest code by reason")
                        .tag("reason", reason.name().toLowerCase(Locale.ROOT))
                        .register(registry)
                        .increment(exits - before.exits[reason.ordinal()]);
                before.exits[reason.ordinal()] = exits;
            }
        }
        long faults = now.pageFaults();
        if (faults != before.pageFaults) {
            Counter.builder("stockade.page.faults")
                    .description("Page faults of guest programs")
                    .register(registry)
                    .increment(faults - before.pageFaults);
            before.pageFaults = faults;
        }
    }

    private Counter syscalls(String name, String outcome) {
        return Counter.builder("stockade.syscalls")
                .description("System calls of guest programs by name and outcome")
                .tag("name", name)
                .tag("outcome", outcome)
                .register(registry);
    }
}
