package dev.stockade.gofer.registry;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.util.UUID;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jspecify.annotations.Nullable;

/** Registers this node once its services answer, if it was told with whom. */
@ApplicationScoped
public class RegistrationLifecycle {
    private final NodeConfig config;
    private final int grpcPort;
    private final String version;
    private @Nullable NodeRegistration registration; // set at start, before anything else can see this

    @Inject
    public RegistrationLifecycle(
            NodeConfig config,
            @ConfigProperty(name = "quarkus.grpc.server.port") int grpcPort,
            @ConfigProperty(name = "quarkus.application.version") String version) {
        this.config = config;
        this.grpcPort = grpcPort;
        this.version = version;
    }

    /** After the gRPC server has started. */
    void start(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
        config.controlPlane().address().ifPresent(address -> {
            NodeRegistration started = new NodeRegistration(
                    Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                            .build(),
                    config.node().id().orElseGet(() -> "gofer-" + UUID.randomUUID()),
                    config.node().address().orElse("127.0.0.1:" + grpcPort),
                    config.node().labels(),
                    version,
                    config.controlPlane().callTimeout());
            registration = started;
            started.start();
        });
    }

    /** Before anything else stops, so that nobody is sent here any more. */
    void stop(@Observes @Priority(1) ShutdownEvent event) {
        NodeRegistration started = registration;
        if (started != null) {
            started.close();
        }
    }
}
