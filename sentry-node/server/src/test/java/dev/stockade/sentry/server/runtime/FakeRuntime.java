package dev.stockade.sentry.server.runtime;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.ProcessExit;
import dev.stockade.sentry.boot.SandboxStatistics;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Sandboxes without a kernel: a test plays the guest. */
public final class FakeRuntime implements SandboxRuntime {
    private final Map<SandboxKey, Instance> instances = new ConcurrentHashMap<>();
    private final AtomicInteger creations = new AtomicInteger();
    private volatile @Nullable RuntimeRefusal refusal;

    public AtomicInteger creations() {
        return creations;
    }

    public void refuse(@Nullable RuntimeRefusal why) {
        refusal = why;
    }

    public Instance instance(SandboxKey key) {
        return java.util.Objects.requireNonNull(instances.get(key));
    }

    @Override
    public String describe() {
        return "fake";
    }

    @Override
    public boolean supportsTerminals() {
        return false;
    }

    @Override
    public SandboxInstance create(SandboxKey key, SandboxSpec spec, SandboxListener listener) throws RuntimeRefusal {
        RuntimeRefusal r = refusal;
        if (r != null) {
            throw r;
        }
        creations.incrementAndGet();
        Instance i = new Instance(listener);
        instances.put(key, i);
        return i;
    }

    /** A sandbox without a kernel. */
    public static final class Instance implements SandboxInstance {
        private final SandboxListener listener;
        private final List<FakeProcess> processes = new CopyOnWriteArrayList<>();
        private final CompletableFuture<String> panic = new CompletableFuture<>();
        private volatile boolean closed;

        Instance(SandboxListener listener) {
            this.listener = listener;
        }

        public SandboxListener listener() {
            return listener;
        }

        /** The processes in the order in which they were started; the main one first. */
        public List<FakeProcess> processes() {
            return processes;
        }

        public void panicWith(String report) {
            panic.complete(report);
        }

        public boolean closed() {
            return closed;
        }

        @Override
        public GuestProcess startMain(CommandSpec command) throws LaunchRefusal {
            return exec(command);
        }

        @Override
        public GuestProcess exec(CommandSpec command) throws LaunchRefusal {
            switch (command.getArgs(0)) {
                case "/missing" -> throw new LaunchRefusal(2, "/missing: no such file or directory");
                case "/data" -> throw new LaunchRefusal(8, "/data: exec format error");
                default -> {
                    FakeProcess p = new FakeProcess(processes.size() + 1, command);
                    processes.add(p);
                    return p;
                }
            }
        }

        @Override
        public void kill() {
            for (FakeProcess p : processes) {
                p.end(ProcessExit.killed(9));
            }
        }

        @Override
        public CompletableFuture<String> panic() {
            return panic;
        }

        @Override
        public SandboxStatistics statistics() {
            return new SandboxStatistics(4096, processes.size());
        }

        @Override
        public void close() {
            kill();
            closed = true;
        }
    }
}
