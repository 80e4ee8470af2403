package dev.stockade.control.nodes;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.NodeReport;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.proto.sentry.v1.CreateExecutionRequest;
import dev.stockade.proto.sentry.v1.CreateSandboxRequest;
import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.proto.sentry.v1.ListSandboxesRequest;
import dev.stockade.proto.sentry.v1.LogsRequest;
import dev.stockade.proto.sentry.v1.LogsResponse;
import dev.stockade.proto.sentry.v1.SandboxReport;
import dev.stockade.proto.sentry.v1.SentryNodeGrpc;
import dev.stockade.proto.sentry.v1.StopSandboxRequest;
import dev.stockade.proto.sentry.v1.WatchRequest;
import io.grpc.StatusRuntimeException;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Commands to sentry nodes. All of them are idempotent; each blocks its (virtual) thread. */
@ApplicationScoped
public class SentryNodes {
    private final NodeChannels channels;
    private final NodeStore nodes;
    private final NodesConfig config;
    private final Clock clock;

    SentryNodes(NodeChannels channels, NodeStore nodes, NodesConfig config, Clock clock) {
        this.channels = channels;
        this.nodes = nodes;
        this.config = config;
        this.clock = clock;
    }

    /** The address of the node that holds the sandbox. */
    public String addressOf(Sandbox sandbox) {
        Assignment place = sandbox.assignment();
        if (place == null) {
            throw new NodeCallException(NodeCallException.Kind.NOT_FOUND, "the sandbox is on no node");
        }
        return nodes.find(place.nodeId())
                .filter(node -> node.isReady() && node.bootId().equals(place.bootId()))
                .orElseThrow(() -> new NodeCallException(
                        NodeCallException.Kind.UNREACHABLE, "node lost: " + place.nodeId() + " is not there any more"))
                .address();
    }

    public Optional<NodeReport> create(Sandbox sandbox, Duration deadline) {
        String address = addressOf(sandbox);
        Assignment place = sandbox.assignment();
        String gofer = place == null ? "" : place.goferAddress();
        return call(
                address,
                () -> Wire.report(
                        stub(address, deadline)
                                .createSandbox(CreateSandboxRequest.newBuilder()
                                        .setKey(Wire.key(sandbox))
                                        .setSpec(Wire.spec(sandbox, gofer))
                                        .build())
                                .getReport(),
                        clock.instant()));
    }

    public Optional<NodeReport> stop(Sandbox sandbox, Duration deadline) {
        String address = addressOf(sandbox);
        return call(
                address,
                () -> Wire.report(
                        stub(address, deadline)
                                .stopSandbox(StopSandboxRequest.newBuilder()
                                        .setKey(Wire.key(sandbox))
                                        .setGraceMs(sandbox.stopGraceMs())
                                        .build())
                                .getReport(),
                        clock.instant()));
    }

    public void delete(Sandbox sandbox) {
        delete(addressOf(sandbox), sandbox.id(), sandbox.incarnation());
    }

    /** Also for sandboxes that only the node knows of. */
    public void delete(String address, String sandboxId, long incarnation) {
        try {
            call(
                    address,
                    () -> stub(address, config.callTimeout())
                            .deleteSandbox(DeleteSandboxRequest.newBuilder()
                                    .setKey(Wire.key(sandboxId, incarnation))
                                    .build()));
        } catch (NodeCallException e) {
            if (e.kind() != NodeCallException.Kind.NOT_FOUND) {
                throw e;
            }
        }
    }

    public void announce(Sandbox sandbox, Execution execution) {
        String address = addressOf(sandbox);
        call(
                address,
                () -> stub(address, config.callTimeout())
                        .createExecution(CreateExecutionRequest.newBuilder()
                                .setKey(Wire.key(sandbox))
                                .setExecutionId(execution.id())
                                .setCommand(Wire.command(execution.command()))
                                .build()));
    }

    public List<SandboxReport> list(String address) {
        return call(
                address,
                () -> stub(address, config.callTimeout())
                        .listSandboxes(ListSandboxesRequest.getDefaultInstance())
                        .getSandboxesList());
    }

    /**
     * Follows every report of a node. The iterator blocks; it throws once the connection breaks, or the gRPC context
     * it was made in is cancelled.
     */
    public Iterator<SandboxReport> watch(String address) {
        return SentryNodeGrpc.newBlockingStub(channels.to(address)).watch(WatchRequest.getDefaultInstance());
    }

    /** The kept output of the sandbox's own command, and what comes if it is followed. */
    public Flow.Publisher<LogsResponse> logs(Sandbox sandbox, boolean follow) {
        String address = addressOf(sandbox);
        LogsRequest request = LogsRequest.newBuilder()
                .setKey(Wire.key(sandbox))
                .setFollow(follow)
                .build();
        SentryNodeGrpc.SentryNodeStub stub = streaming(address);
        return new NodeStream<LogsRequest, LogsResponse>(address, observer -> stub.logs(request, observer));
    }

    /** For streams, which look after their own flow control. */
    public SentryNodeGrpc.SentryNodeStub streaming(String address) {
        return SentryNodeGrpc.newStub(channels.to(address));
    }

    private SentryNodeGrpc.SentryNodeBlockingStub stub(String address, Duration deadline) {
        return SentryNodeGrpc.newBlockingStub(channels.to(address))
                .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static <T> T call(String address, Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException e) {
            throw NodeCallException.of(address, e);
        }
    }
}
