package dev.stockade.control.placement;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Chooses a node: each filter may object to a node; of those left the best score wins, then the lesser
 * id, so that the same snapshot always gives the same answer.
 */
public final class Placement {
    private static final List<NodeFilter> FILTERS =
            List.of(Placement::alive, Placement::labels, Placement::sandboxes, Placement::memory, Placement::cpus);

    private final PlacementPolicy policy;

    public Placement(PlacementPolicy policy) {
        this.policy = policy;
    }

    public PlacementDecision place(ClusterSnapshot cluster, PlacementRequest request) {
        Map<String, String> objections = new TreeMap<>();
        Optional<PlacementDecision.Placed> best = cluster.nodes().stream()
                .flatMap(node -> {
                    Optional<String> objection = objection(node, request);
                    objection.ifPresent(why -> objections.put(node.id(), why));
                    return objection.isPresent()
                            ? Stream.empty()
                            : Stream.of(new PlacementDecision.Placed(node, score(node, request)));
                })
                .max(Comparator.comparingDouble(PlacementDecision.Placed::score)
                        .thenComparing(placed -> placed.node().id(), Comparator.reverseOrder()));
        return best.<PlacementDecision>map(placed -> placed)
                .orElseGet(() -> new PlacementDecision.NoCapacity(new TreeMap<>(objections)));
    }

    /** Why this node can't take the sandbox; empty if it can. */
    public Optional<String> objection(NodeView node, PlacementRequest request) {
        return FILTERS.stream()
                .flatMap(filter -> filter.objection(node, request, policy).stream())
                .findFirst();
    }

    /** Between 0 and 1: the share of the scarcer of memory and CPU that would be left, or taken. */
    private double score(NodeView node, PlacementRequest request) {
        Resources after = node.reserved().plus(request.resources());
        double memory = after.memoryBytes() / (node.capacity().memoryBytes() * policy.memoryOvercommit());
        double cpu = after.cpus() / (node.capacity().cpus() * policy.cpuOvercommit());
        double sandboxes = (double) after.sandboxes() / node.capacity().sandboxes();
        double used = Math.max(memory, Math.max(cpu, sandboxes));
        return switch (policy.strategy()) {
            case SPREAD -> 1 - used;
            case PACK -> used;
        };
    }

    private static Optional<String> alive(NodeView node, PlacementRequest request, PlacementPolicy policy) {
        return node.alive() ? Optional.empty() : Optional.of("not alive");
    }

    private static Optional<String> labels(NodeView node, PlacementRequest request, PlacementPolicy policy) {
        return request.requiredLabels().entrySet().stream()
                .filter(wanted -> !wanted.getValue().equals(node.labels().get(wanted.getKey())))
                .map(wanted -> "label " + wanted.getKey() + " is not " + wanted.getValue())
                .sorted()
                .findFirst();
    }

    private static Optional<String> sandboxes(NodeView node, PlacementRequest request, PlacementPolicy policy) {
        int most = node.capacity().sandboxes();
        return node.reserved().sandboxes() < most
                ? Optional.empty()
                : Optional.of("all of its " + most + " sandboxes are taken");
    }

    private static Optional<String> memory(NodeView node, PlacementRequest request, PlacementPolicy policy) {
        long limit = (long) (node.capacity().memoryBytes() * policy.memoryOvercommit());
        long free = Math.max(0, limit - node.reserved().memoryBytes());
        return request.memoryBytes() <= free
                ? Optional.empty()
                : Optional.of("has " + mebibytes(free) + " MiB of memory to give, " + mebibytes(request.memoryBytes())
                        + " MiB asked for");
    }

    private static Optional<String> cpus(NodeView node, PlacementRequest request, PlacementPolicy policy) {
        if (request.cpus() > node.capacity().cpus()) {
            return Optional.of("has " + node.capacity().cpus() + " CPUs, " + request.cpus() + " asked for");
        }
        long limit = (long) (node.capacity().cpus() * policy.cpuOvercommit());
        long free = Math.max(0, limit - node.reserved().cpus());
        return request.cpus() <= free
                ? Optional.empty()
                : Optional.of(
                        "has " + free + " of its " + limit + " CPU shares to give, " + request.cpus() + " asked for");
    }

    private static long mebibytes(long bytes) {
        return bytes >> 20;
    }
}
