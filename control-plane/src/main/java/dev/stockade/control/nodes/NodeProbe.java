package dev.stockade.control.nodes;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ListImagesRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import io.grpc.StatusRuntimeException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Asks a node whether it is there. */
@ApplicationScoped
public class NodeProbe {
    private final NodeChannels channels;

    NodeProbe(NodeChannels channels) {
        this.channels = channels;
    }

    /** Any answer but none counts. */
    public boolean answers(FleetNode node, Duration deadline) {
        try {
            switch (node.kind()) {
                case SENTRY ->
                    SentryNodeGrpc.newBlockingStub(channels.to(node.address()))
                            .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                            .listSandboxes(ListSandboxesRequest.getDefaultInstance());
                case GOFER ->
                    ImagesGrpc.newBlockingStub(channels.to(node.address()))
                            .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                            .list(ListImagesRequest.getDefaultInstance());
            }
            return true;
        } catch (StatusRuntimeException e) {
            return switch (e.getStatus().getCode()) {
                case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> false;
                default -> true;
            };
        }
    }
}
