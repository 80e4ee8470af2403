package dev.stockade.gofer.service;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.nio.file.Files;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready while the images can be reached. */
@Readiness
@ApplicationScoped
public class StoreHealth implements HealthCheck {
    private final GoferNode node;
    private final GoferConfig config;

    @Inject
    public StoreHealth(GoferNode node, GoferConfig config) {
        this.node = node;
        this.config = config;
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("images")
                .status(Files.isReadable(config.dataDir()))
                .withData("images", node.store().list().size())
                .withData("sessions", node.sessions().count())
                .build();
    }
}
