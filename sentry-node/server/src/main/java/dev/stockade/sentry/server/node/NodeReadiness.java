package dev.stockade.sentry.server.node;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** Ready once the platform runs guests (it was probed, or the node would not be up) and the fleet knows the node. */
@Readiness
@ApplicationScoped
public class NodeReadiness implements HealthCheck {
    private final SentryNode node;

    @Inject
    public NodeReadiness(SentryNode node) {
        this.node = node;
    }

    @Override
    public HealthCheckResponse call() {
        return HealthCheckResponse.named("sentry-node")
                .status(node.inService())
                .withData("node", node.identity().id())
                .withData("platform", node.platform())
                .build();
    }
}
