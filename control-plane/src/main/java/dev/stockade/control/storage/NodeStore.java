package dev.stockade.control.storage;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.domain.NodeRegistration;
import dev.stockade.control.placement.ClusterSnapshot;
import dev.stockade.control.placement.NodeView;
import dev.stockade.control.placement.Resources;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import jakarta.transaction.Transactional;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The nodes of the fleet. */
@ApplicationScoped
public class NodeStore {
    private final EntityManager entities;
    private final Json json;

    NodeStore(EntityManager entities, Json json) {
        this.entities = entities;
        this.json = json;
    }

    @Transactional
    public void register(NodeRegistration node) {
        entities.createNativeQuery("""
                        insert into node (id, boot_id, kind, address, state, memory_bytes, cpus, sandboxes, labels,
                            version, registered_at, last_heartbeat)
                        values (:id, :boot, :kind, :address, 'READY', :memory, :cpus, :sandboxes, :labels,
                            :version, clock_timestamp(), clock_timestamp())
                        on conflict (id) do update
                        set boot_id = excluded.boot_id, kind = excluded.kind, address = excluded.address,
                            state = 'READY', memory_bytes = excluded.memory_bytes, cpus = excluded.cpus,
                            sandboxes = excluded.sandboxes, labels = excluded.labels, version = excluded.version,
                            registered_at = excluded.registered_at, last_heartbeat = excluded.last_heartbeat,
                            used_sandboxes = 0, used_memory_bytes = 0
                        """)
                .setParameter("id", node.id())
                .setParameter("boot", node.bootId())
                .setParameter("kind", node.kind().name())
                .setParameter("address", node.address())
                .setParameter("memory", node.memoryBytes())
                .setParameter("cpus", node.cpus())
                .setParameter("sandboxes", node.sandboxes())
                .setParameter("labels", json.write(node.labels()))
                .setParameter("version", node.version())
                .executeUpdate();
    }

    /** False if the node must register (again). */
    @Transactional
    public boolean heartbeat(String id, String bootId, int usedSandboxes, long usedMemoryBytes) {
        return entities.createNativeQuery("""
                                update node set last_heartbeat = clock_timestamp(), used_sandboxes = :sandboxes,
                                    used_memory_bytes = :memory
                                where id = :id and boot_id = :boot and state = 'READY'
                                """)
                        .setParameter("id", id)
                        .setParameter("boot", bootId)
                        .setParameter("sandboxes", usedSandboxes)
                        .setParameter("memory", usedMemoryBytes)
                        .executeUpdate()
                == 1;
    }

    @Transactional
    public boolean deregister(String id, String bootId) {
        return entities.createNativeQuery("update node set state = 'GONE' where id = :id and boot_id = :boot")
                        .setParameter("id", id)
                        .setParameter("boot", bootId)
                        .executeUpdate()
                == 1;
    }

    /**
     * The nodes that were not heard of for the timeout.
     *
     * <p>Silence counts from when the holder of the named lease took it: while there was no control plane, no
     * heartbeat could arrive.
     */
    @Transactional
    public List<FleetNode> silent(Duration timeout, String leaseName) {
        List<?> ids = entities.createNativeQuery("""
                        select id from node
                        where state = 'READY' and clock_timestamp() - make_interval(secs => :seconds) > greatest(
                            last_heartbeat, coalesce((select acquired_at from lease where name = :lease), last_heartbeat))
                        """)
                .setParameter("seconds", seconds(timeout))
                .setParameter("lease", leaseName)
                .getResultList();
        return ids.stream()
                .map(id -> find((String) id))
                .flatMap(Optional::stream)
                .toList();
    }

    /** Gives a node up, unless it was heard of in the last moment or is another start of its process. */
    @Transactional
    public boolean markLost(FleetNode node) {
        return entities.createNativeQuery("""
                                update node set state = 'LOST'
                                where id = :id and boot_id = :boot and state = 'READY' and last_heartbeat = :heartbeat
                                """)
                        .setParameter("id", node.id())
                        .setParameter("boot", node.bootId())
                        .setParameter("heartbeat", node.lastHeartbeat())
                        .executeUpdate()
                == 1;
    }

    /** The node was heard of, if not by a heartbeat. */
    @Transactional
    public void touch(FleetNode node) {
        entities.createNativeQuery(
                        "update node set last_heartbeat = clock_timestamp() where id = :id and boot_id = :boot and state = 'READY'")
                .setParameter("id", node.id())
                .setParameter("boot", node.bootId())
                .executeUpdate();
    }

    private static double seconds(Duration duration) {
        return duration.toMillis() / 1000.0;
    }

    @Transactional
    public List<FleetNode> all() {
        return entities.createQuery("from NodeEntity order by kind desc, id", NodeEntity.class)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    @Transactional
    public List<FleetNode> ready(FleetNode.Kind kind) {
        return entities.createQuery(
                        "from NodeEntity where kind = :kind and state = :ready order by id", NodeEntity.class)
                .setParameter("kind", kind)
                .setParameter("ready", FleetNode.State.READY)
                .getResultStream()
                .map(row -> row.read(json))
                .toList();
    }

    @Transactional
    public Optional<FleetNode> find(String id) {
        return Optional.ofNullable(entities.find(NodeEntity.class, id)).map(row -> row.read(json));
    }

    /** Every sentry node with what is reserved on it. */
    @Transactional
    public ClusterSnapshot snapshot() {
        Map<String, Resources> reserved = new HashMap<>();
        for (Object row :
                entities.createNativeQuery(RESERVED + " group by node_id").getResultList()) {
            Object[] columns = (Object[]) row;
            reserved.put((String) columns[0], sum(columns));
        }
        return new ClusterSnapshot(entities.createQuery("from NodeEntity where kind = :kind", NodeEntity.class)
                .setParameter("kind", FleetNode.Kind.SENTRY)
                .getResultStream()
                .map(row -> row.view(json, reserved.getOrDefault(row.id, Resources.NONE)))
                .toList());
    }

    /** One node as the snapshot would show it now; nobody else can reserve on it until the transaction ends. */
    @Transactional(Transactional.TxType.MANDATORY)
    Optional<NodeView> lock(String id) {
        NodeEntity node = entities.find(NodeEntity.class, id, LockModeType.PESSIMISTIC_WRITE);
        if (node == null) {
            return Optional.empty();
        }
        List<?> rows = entities.createNativeQuery(RESERVED + " and node_id = :id group by node_id")
                .setParameter("id", id)
                .getResultList();
        return Optional.of(node.view(json, rows.isEmpty() ? Resources.NONE : sum((Object[]) rows.getFirst())));
    }

    private static final String RESERVED = "select node_id, sum(memory_bytes), sum(cpus), count(*) from sandbox"
            + " where state in ('SCHEDULED', 'RUNNING', 'STOPPING')";

    private static Resources sum(Object[] columns) {
        return new Resources(
                ((Number) columns[1]).longValue(), ((Number) columns[2]).intValue(), ((Number) columns[3]).intValue());
    }

    /** Forgets nodes that have been away for the given time. */
    @Transactional
    public int prune(Duration away) {
        return entities.createNativeQuery("delete from node where state <> 'READY' and"
                        + " last_heartbeat < clock_timestamp() - make_interval(secs => :seconds)")
                .setParameter("seconds", seconds(away))
                .executeUpdate();
    }
}
