package dev.stockade.control.nodes;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.NodeRegistration;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.proto.control.v1.DeregisterRequest;
import dev.stockade.proto.control.v1.DeregisterResponse;
import dev.stockade.proto.control.v1.HeartbeatRequest;
import dev.stockade.proto.control.v1.HeartbeatResponse;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.control.v1.NodeRegistry;
import dev.stockade.proto.control.v1.RegisterRequest;
import dev.stockade.proto.control.v1.RegisterResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.RunOnVirtualThread;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.event.Event;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;

/** Where nodes say that they are there. */
@GrpcService
@RunOnVirtualThread
public class RegistryService implements NodeRegistry {
    private static final Logger LOG = Logger.getLogger(RegistryService.class);
    private static final Pattern NODE_ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");

    private final NodeStore nodes;
    private final NodesConfig config;
    private final Event<NodeWentAway> wentAway;

    RegistryService(NodeStore nodes, NodesConfig config, Event<NodeWentAway> wentAway) {
        this.nodes = nodes;
        this.config = config;
        this.wentAway = wentAway;
    }

    @Override
    public Uni<RegisterResponse> register(RegisterRequest request) {
        FleetNode.Kind kind = switch (request.getKind()) {
            case NODE_KIND_SENTRY -> FleetNode.Kind.SENTRY;
            case NODE_KIND_GOFER -> FleetNode.Kind.GOFER;
            case NODE_KIND_UNSPECIFIED, UNRECOGNIZED -> throw invalid("kind must be SENTRY or GOFER");
        };
        if (!NODE_ID.matcher(request.getNodeId()).matches()) {
            throw invalid("node_id must match " + NODE_ID);
        }
        if (request.getBootId().isEmpty() || !request.getAddress().matches(".+:[0-9]{1,5}")) {
            throw invalid("boot_id must be set, and address must be host:port");
        }
        if (request.getKind() == NodeKind.NODE_KIND_SENTRY
                && (request.getCapacity().getMemoryBytes() <= 0
                        || request.getCapacity().getCpus() <= 0
                        || request.getCapacity().getSandboxes() <= 0)) {
            throw invalid("capacity must be positive: memory_bytes, cpus and sandboxes");
        }
        Optional<FleetNode> before = nodes.find(request.getNodeId());
        nodes.register(new NodeRegistration(
                request.getNodeId(),
                request.getBootId(),
                kind,
                request.getAddress(),
                request.getCapacity().getMemoryBytes(),
                request.getCapacity().getCpus(),
                request.getCapacity().getSandboxes(),
                request.getLabelsMap(),
                request.getVersion()));
        if (before.isEmpty() || !before.get().bootId().equals(request.getBootId())) {
            LOG.infof("%s node %s registered at %s", kind, request.getNodeId(), request.getAddress());
            if (before.isPresent()) {
                wentAway.fire(new NodeWentAway(request.getNodeId(), Reason.NODE_LOST, "the node was restarted"));
            }
        }
        return Uni.createFrom()
                .item(RegisterResponse.newBuilder()
                        .setHeartbeatIntervalMs(config.heartbeatInterval().toMillis())
                        .build());
    }

    private static StatusRuntimeException invalid(String why) {
        return Status.INVALID_ARGUMENT.withDescription(why).asRuntimeException();
    }

    @Override
    public Uni<HeartbeatResponse> heartbeat(HeartbeatRequest request) {
        boolean known = nodes.heartbeat(
                request.getNodeId(), request.getBootId(), request.getSandboxes(), request.getMemoryUsedBytes());
        return Uni.createFrom()
                .item(HeartbeatResponse.newBuilder().setKnown(known).build());
    }

    @Override
    public Uni<DeregisterResponse> deregister(DeregisterRequest request) {
        if (nodes.deregister(request.getNodeId(), request.getBootId())) {
            LOG.infof("node %s shuts down", request.getNodeId());
            wentAway.fire(new NodeWentAway(request.getNodeId(), Reason.NODE_SHUTDOWN, "the node was shut down"));
        }
        return Uni.createFrom().item(DeregisterResponse.getDefaultInstance());
    }
}
