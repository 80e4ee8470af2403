package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.Command;
import dev.stockade.control.domain.Reason;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.domain.SandboxSpec;
import dev.stockade.control.nodes.GoferNodes;
import dev.stockade.control.nodes.NodeCallException;
import dev.stockade.control.nodes.SentryNodes;
import dev.stockade.control.placement.Placement;
import dev.stockade.control.placement.PlacementDecision;
import dev.stockade.control.placement.PlacementPolicy;
import dev.stockade.control.placement.PlacementRequest;
import dev.stockade.control.storage.IdempotencyRecord;
import dev.stockade.control.storage.NodeStore;
import dev.stockade.control.storage.SandboxStore;
import dev.stockade.control.storage.SandboxStore.Inserted;
import dev.stockade.proto.gofer.v1.ImageConfig;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Creates a sandbox: the image is resolved, a node is chosen, the reservation is written together with the
 * events, and the node is told. If this process dies in between, the reconciler tells the node.
 */
@ApplicationScoped
public class CreateSandbox {
    /** Others may take the room of a node between the snapshot and the commit. */
    private static final int MAX_PLACEMENT_ATTEMPTS = 20;

    private static final Duration RETRY_AFTER = Duration.ofMillis(500);

    private final SandboxStore sandboxes;
    private final NodeStore nodes;
    private final GoferNodes gofers;
    private final SentryNodes sentries;
    private final NodeReports reports;
    private final SandboxConfig config;
    private final dev.stockade.control.lifecycle.ImageConfig images;
    private final Placement placement;
    private final Clock clock;

    CreateSandbox(
            SandboxStore sandboxes,
            NodeStore nodes,
            GoferNodes gofers,
            SentryNodes sentries,
            NodeReports reports,
            SandboxConfig config,
            dev.stockade.control.lifecycle.ImageConfig images,
            PlacementConfig placement,
            Clock clock) {
        this.sandboxes = sandboxes;
        this.nodes = nodes;
        this.gofers = gofers;
        this.sentries = sentries;
        this.reports = reports;
        this.config = config;
        this.images = images;
        this.placement = new Placement(
                new PlacementPolicy(placement.memoryOvercommit(), placement.cpuOvercommit(), placement.strategy()));
        this.clock = clock;
    }

    /**
     * What a request to create gave.
     *
     * @param replayed the request was made before, and this is the sandbox it made then
     */
    public record Created(Sandbox sandbox, boolean replayed) {}

    public Created create(CreateRequest request) {
        CreateRequest.Idempotency idempotency = request.idempotency();
        if (idempotency != null) {
            Optional<IdempotencyRecord> first = sandboxes.idempotent(request.tenant(), idempotency.key());
            if (first.isPresent()) {
                return replay(first.get(), idempotency);
            }
        }
        GoferNodes.Resolved resolved = gofers.resolve(request.image(), images.resolveTimeout());
        String id = SandboxIds.sandbox();
        SandboxSpec spec = spec(id, request, resolved);
        PlacementRequest wanted = new PlacementRequest(spec.memoryBytes(), spec.cpus(), request.nodeLabels());
        for (int attempt = 1; attempt <= MAX_PLACEMENT_ATTEMPTS; attempt++) {
            PlacementDecision decision = placement.place(nodes.snapshot(), wanted);
            switch (decision) {
                case PlacementDecision.NoCapacity(var reasons) -> throw new NoCapacityException(reasons);
                case PlacementDecision.Placed(var node, var score) -> {
                    Assignment place = new Assignment(node.id(), node.bootId(), resolved.goferAddress());
                    Instant now = clock.instant();
                    Change created = SandboxLifecycle.create(id, request.tenant(), request.name(), spec, now);
                    Change scheduled = created.then(SandboxLifecycle.schedule(created.sandbox(), place, now));
                    Inserted inserted = sandboxes.insert(
                            scheduled,
                            placement,
                            wanted,
                            record(request, id),
                            config.createTimeout().plusSeconds(1));
                    switch (inserted) {
                        case Inserted.Done() -> {
                            return new Created(tellNode(scheduled.sandbox()), false);
                        }
                        case Inserted.Replayed(var first) -> {
                            return replay(first, Objects.requireNonNull(idempotency));
                        }
                        case Inserted.NoRoom() -> {}
                    }
                }
            }
        }
        TreeMap<String, String> reasons = new TreeMap<>();
        nodes.snapshot().nodes().forEach(node -> reasons.put(node.id(), "others were faster to take its room"));
        throw new NoCapacityException(reasons);
    }

    private static @Nullable IdempotencyRecord record(CreateRequest request, String sandboxId) {
        CreateRequest.Idempotency idempotency = request.idempotency();
        return idempotency == null
                ? null
                : new IdempotencyRecord(request.tenant(), idempotency.key(), idempotency.requestHash(), sandboxId);
    }

    private SandboxSpec spec(String id, CreateRequest request, GoferNodes.Resolved resolved) {
        ImageConfig image = resolved.image().getConfig();
        String hostname =
                request.hostname() != null ? request.hostname() : request.name() != null ? request.name() : id;
        Command main = new CommandDefaults(
                        image.getEntrypointList(),
                        image.getCmdList(),
                        image.getEnvList(),
                        image.getWorkingDir(),
                        image.getUser())
                .complete(request.command(), hostname);
        long memoryBytes = request.memoryBytes() == null ? config.defaultMemoryBytes() : request.memoryBytes();
        if (memoryBytes > config.maxMemoryBytes()) {
            throw new InvalidRequestException("memoryBytes", "at most " + config.maxMemoryBytes() + " can be had");
        }
        int cpus = request.cpus() == null ? config.defaultCpus() : request.cpus();
        if (cpus > config.maxCpus()) {
            throw new InvalidRequestException("cpus", "at most " + config.maxCpus() + " can be had");
        }
        return new SandboxSpec(
                request.image(),
                resolved.image().getId(),
                main,
                hostname,
                memoryBytes,
                cpus,
                request.maxTasks(),
                request.startOnAttach(),
                request.init(),
                request.timeoutMs());
    }

    private Sandbox tellNode(Sandbox sandbox) {
        Sandbox after = tellNodeOnce(sandbox);
        return after.isSettled() ? after : awaitMade(sandbox.id()).orElse(after);
    }

    /** Tells the node to make the sandbox; the reconciler does the same for one whose creator is gone. */
    public Sandbox tellNodeOnce(Sandbox sandbox) {
        try {
            return sentries.create(sandbox, config.createTimeout())
                    .flatMap(reports::apply)
                    .orElse(sandbox);
        } catch (NodeCallException e) {
            return switch (e.kind()) {
                case UNREACHABLE -> {
                    sandboxes.attend(sandbox.id(), RETRY_AFTER);
                    yield sandbox;
                }
                case NOT_FOUND, REFUSED -> {
                    String message = e.getMessage() == null ? "the node refused" : e.getMessage();
                    yield sandboxes
                            .change(
                                    sandbox.id(),
                                    now -> SandboxLifecycle.fail(now, Reason.CREATE_REFUSED, message, clock.instant()))
                            .orElse(sandbox);
                }
            };
        }
    }

    private Created replay(IdempotencyRecord first, CreateRequest.Idempotency idempotency) {
        if (!first.requestHash().equals(idempotency.requestHash())) {
            throw new IdempotencyMismatchException(first.key());
        }
        Sandbox sandbox = awaitMade(first.sandboxId())
                .orElseThrow(() -> new NotFoundException("sandbox", first.sandboxId(), first.tenant()));
        return new Created(sandbox, true);
    }

    /** Waits while somebody else brings the sandbox about, to the same deadline as if it were done here. */
    private Optional<Sandbox> awaitMade(String id) {
        long deadlineNs = System.nanoTime() + config.createTimeout().toNanos();
        while (true) {
            Optional<Sandbox> sandbox = sandboxes.findById(id);
            if (sandbox.isEmpty() || sandbox.get().isSettled() || System.nanoTime() > deadlineNs) {
                return sandbox;
            }
            Pause.millis(50);
        }
    }
}
