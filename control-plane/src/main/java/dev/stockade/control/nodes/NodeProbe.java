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

    /** What came of asking. */
    public enum Answer {
        /** It is there. */
        ANSWERS,
        /** Nobody listens at its address: its process is gone. */
        REFUSES,
        /** Nothing came in time: it hangs, is cut off, or one of the two machines is too busy. */
        SILENT
    }

    public Answer ask(FleetNode node, Duration deadline) {
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
            return Answer.ANSWERS;
        } catch (StatusRuntimeException e) {
            return switch (e.getStatus().getCode()) {
                case UNAVAILABLE -> Answer.REFUSES;
                case DEADLINE_EXCEEDED, CANCELLED -> Answer.SILENT;
                default -> Answer.ANSWERS;
            };
        }
    }
}
