package dev.stockade.gofer.service;

import io.quarkus.arc.Unremovable;
import io.quarkus.grpc.api.ServerBuilderCustomizer;
import io.quarkus.grpc.runtime.config.GrpcServerConfiguration;
import io.vertx.grpc.VertxServerBuilder;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;

/** Bounds what one connection can have under way, which is without a limit otherwise. */
@Singleton
@Unremovable
public class ConnectionLimits implements ServerBuilderCustomizer<VertxServerBuilder> {
    private final GoferConfig config;

    @Inject
    public ConnectionLimits(GoferConfig config) {
        this.config = config;
    }

    @Override
    public void customize(GrpcServerConfiguration server, VertxServerBuilder builder) {
        builder.nettyBuilder().maxConcurrentCallsPerConnection(config.maxCallsPerConnection());
    }
}
