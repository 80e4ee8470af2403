package dev.stockade.sentry.server;

import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.platform.PlatformException;
import dev.stockade.sentry.server.gofer.GoferChannels;
import dev.stockade.sentry.server.gofer.GoferTimeouts;
import dev.stockade.sentry.server.kernel.GoferTracing;
import dev.stockade.sentry.server.kernel.KernelRuntime;
import dev.stockade.sentry.server.kernel.KernelTelemetry;
import dev.stockade.sentry.server.node.SentryConfig;
import dev.stockade.sentry.server.runtime.SandboxRuntime;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.quarkus.arc.DefaultBean;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.List;

/** The runtime that sandboxes really have; tests put another one in its place. */
@Singleton
public class KernelWiring {
    @Produces
    @Singleton
    GoferChannels goferChannels(OpenTelemetry telemetry, SentryConfig config) {
        return new GoferChannels(
                GoferTimeouts.DEFAULT.withOperation(config.gofer().operationTimeout()),
                List.of(new GoferTracing(telemetry)));
    }

    void close(@Disposes GoferChannels channels) {
        channels.close();
    }

    @Produces
    @Singleton
    KernelTelemetry kernelTelemetry(MeterRegistry registry, OpenTelemetry telemetry) {
        return new KernelTelemetry(registry, telemetry.getTracer("dev.stockade.sentry"));
    }

    void close(@Disposes KernelTelemetry telemetry) {
        telemetry.close();
    }

    @Produces
    @Singleton
    @DefaultBean
    SandboxRuntime runtime(GoferChannels channels, KernelTelemetry telemetry, SentryConfig config)
            throws PlatformException {
        return new KernelRuntime(
                SentryNodeMain.platform(),
                channels::attach,
                new TaskBudget(config.node().maxTasks()),
                config.node().cpus().orElseGet(() -> Runtime.getRuntime().availableProcessors()),
                telemetry);
    }
}
