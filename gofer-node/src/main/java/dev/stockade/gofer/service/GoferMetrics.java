package dev.stockade.gofer.service;

import dev.stockade.gofer.host.HostDirectory;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.concurrent.TimeUnit;

/** Counts and times what the services do. */
@ApplicationScoped
public class GoferMetrics {
    private final MeterRegistry registry;
    private final Counter readBytes;

    @Inject
    public GoferMetrics(MeterRegistry registry, GoferNode node) {
        this.registry = registry;
        this.readBytes = Counter.builder("stockade.gofer.read.bytes")
                .description("Bytes of file contents sent to sentries")
                .register(registry);
        Gauge.builder("stockade.gofer.sessions", node, n -> n.sessions().count())
                .register(registry);
        Gauge.builder("stockade.gofer.handles", node, n -> n.sessions().handleCount())
                .register(registry);
        Gauge.builder("stockade.gofer.reads", node, n -> n.sessions().readCount())
                .description("Reads under way")
                .register(registry);
        Gauge.builder("stockade.gofer.images", node, n -> n.store().list().size())
                .register(registry);
        Gauge.builder("stockade.gofer.descriptors", HostDirectory::openDescriptors)
                .description("File descriptors of images and their contents")
                .register(registry);
    }

    /**
     * Records one operation.
     *
     * @param result an errno's name, "OK", or "ERROR" for what has no errno
     */
    void operation(String operation, String result, long startedNs) {
        Timer.builder("stockade.gofer.operations")
                .tag("operation", operation)
                .tag("result", result)
                .register(registry)
                .record(System.nanoTime() - startedNs, TimeUnit.NANOSECONDS);
    }

    void bytesRead(long bytes) {
        readBytes.increment(bytes);
    }
}
