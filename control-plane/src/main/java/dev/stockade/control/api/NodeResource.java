package dev.stockade.control.api;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.placement.NodeView;
import dev.stockade.control.placement.Resources;
import dev.stockade.control.storage.NodeStore;
import io.smallrye.common.annotation.RunOnVirtualThread;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The nodes of the fleet. */
@Path("/v1/nodes")
@Produces({MediaType.APPLICATION_JSON, Problem.MEDIA_TYPE})
@RunOnVirtualThread
@Tag(name = "nodes")
public class NodeResource {
    private final NodeStore nodes;

    NodeResource(NodeStore nodes) {
        this.nodes = nodes;
    }

    /** A node as clients see it. */
    @Schema(name = "Node")
    public record NodeJson(
            String id,
            FleetNode.Kind kind,
            FleetNode.State state,
            String address,
            String version,
            Map<String, String> labels,
            Instant registeredAt,
            Instant lastHeartbeat,
            ResourcesJson capacity,
            ResourcesJson reserved,

            @Schema(description = "Sandboxes it said it holds")
            int usedSandboxes,

            @Schema(description = "Memory it said its sandboxes hold")
            long usedMemoryBytes) {}

    /** An amount of resources. */
    @Schema(name = "Resources")
    public record ResourcesJson(long memoryBytes, int cpus, int sandboxes) {
        static ResourcesJson of(Resources resources) {
            return new ResourcesJson(resources.memoryBytes(), resources.cpus(), resources.sandboxes());
        }
    }

    /** All nodes. */
    @Schema(name = "NodeList")
    public record NodeListJson(List<NodeJson> items) {}

    @GET
    @Operation(summary = "Lists the nodes of the fleet, also those that went away lately")
    public NodeListJson list() {
        Map<String, Resources> reserved =
                nodes.snapshot().nodes().stream().collect(Collectors.toMap(NodeView::id, NodeView::reserved));
        return new NodeListJson(nodes.all().stream()
                .map(node -> new NodeJson(
                        node.id(),
                        node.kind(),
                        node.state(),
                        node.address(),
                        node.version(),
                        node.labels(),
                        node.registeredAt(),
                        node.lastHeartbeat(),
                        new ResourcesJson(node.memoryBytes(), node.cpus(), node.sandboxes()),
                        ResourcesJson.of(reserved.getOrDefault(node.id(), Resources.NONE)),
                        node.usedSandboxes(),
                        node.usedMemoryBytes()))
                .toList());
    }
}
