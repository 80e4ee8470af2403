package dev.stockade.control.storage;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.placement.NodeView;
import dev.stockade.control.placement.Resources;
import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;

/** A row of {@code node}. */
@Entity
@Table(name = "node")
class NodeEntity {
    @Id
    String id;

    @Column(name = "boot_id")
    String bootId;

    @Enumerated(EnumType.STRING)
    @Column
    FleetNode.Kind kind;

    @Column
    String address;

    @Enumerated(EnumType.STRING)
    @Column
    FleetNode.State state;

    @Column(name = "memory_bytes")
    long memoryBytes;

    int cpus;

    int sandboxes;

    @Column
    String labels;

    @Column
    String version;

    @Column(name = "registered_at")
    Instant registeredAt;

    @Column(name = "last_heartbeat")
    Instant lastHeartbeat;

    @Column(name = "used_sandboxes")
    int usedSandboxes;

    @Column(name = "used_memory_bytes")
    long usedMemoryBytes;

    FleetNode read(Json json) {
        return new FleetNode(
                id,
                bootId,
                kind,
                address,
                state,
                memoryBytes,
                cpus,
                sandboxes,
                json.readLabels(labels),
                version,
                registeredAt,
                lastHeartbeat,
                usedSandboxes,
                usedMemoryBytes);
    }

    NodeView view(Json json, Resources reserved) {
        return new NodeView(
                id,
                bootId,
                address,
                state == FleetNode.State.READY,
                new Resources(memoryBytes, cpus, sandboxes),
                reserved,
                json.readLabels(labels));
    }
}
