package dev.stockade.control.nodes;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ListImagesRequest;
import dev.stockade.proto.gofer.v1.RemoveImageRequest;
import dev.stockade.proto.gofer.v1.ResolveImageRequest;
import dev.stockade.proto.gofer.v1.ResolveImageResponse;
import io.grpc.StatusRuntimeException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Calls to gofer nodes about images. */
@ApplicationScoped
public class GoferNodes {
    private final NodeChannels channels;
    private final NodeStore nodes;
    private final NodesConfig config;

    GoferNodes(NodeChannels channels, NodeStore nodes, NodesConfig config) {
        this.channels = channels;
        this.nodes = nodes;
        this.config = config;
    }

    /** An image and a gofer that has it. */
    public record Resolved(Image image, String goferAddress) {}

    public List<FleetNode> ready() {
        return nodes.ready(FleetNode.Kind.GOFER);
    }

    /** Asks the gofer nodes in turn, a different one first each time; the first that has the image serves it. */
    public Resolved resolve(String name, Duration deadline) {
        List<FleetNode> gofers = new ArrayList<>(ready());
        if (gofers.isEmpty()) {
            throw new NoGoferException();
        }
        Collections.shuffle(gofers);
        String objection = null;
        NodeCallException failure = null;
        for (FleetNode gofer : gofers) {
            try {
                ResolveImageResponse answer = ImagesGrpc.newBlockingStub(channels.to(gofer.address()))
                        .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                        .resolve(ResolveImageRequest.newBuilder().setName(name).build());
                if (answer.getError().isEmpty()) {
                    return new Resolved(answer.getImage(), gofer.address());
                }
                objection = answer.getError();
            } catch (StatusRuntimeException e) {
                failure = NodeCallException.of(gofer.address(), e);
            }
        }
        if (objection != null) {
            throw new ImageNotFoundException(name, objection);
        }
        throw failure == null ? new NoGoferException() : failure;
    }

    public List<Image> list(FleetNode gofer) {
        try {
            return ImagesGrpc.newBlockingStub(channels.to(gofer.address()))
                    .withDeadlineAfter(config.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .list(ListImagesRequest.getDefaultInstance())
                    .getImagesList();
        } catch (StatusRuntimeException e) {
            throw NodeCallException.of(gofer.address(), e);
        }
    }

    /** Empty if it is gone; else why not. */
    public String remove(FleetNode gofer, String name) {
        try {
            return ImagesGrpc.newBlockingStub(channels.to(gofer.address()))
                    .withDeadlineAfter(config.callTimeout().toMillis(), TimeUnit.MILLISECONDS)
                    .remove(RemoveImageRequest.newBuilder().setName(name).build())
                    .getError();
        } catch (StatusRuntimeException e) {
            return String.valueOf(NodeCallException.of(gofer.address(), e).getMessage());
        }
    }

    /** For imports, which look after their own flow control. */
    ImagesGrpc.ImagesStub streaming(FleetNode gofer) {
        return ImagesGrpc.newStub(channels.to(gofer.address()));
    }
}
