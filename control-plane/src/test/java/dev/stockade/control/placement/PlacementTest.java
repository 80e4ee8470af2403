package dev.stockade.control.placement;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.control.placement.PlacementDecision.NoCapacity;
import dev.stockade.control.placement.PlacementDecision.Placed;
import dev.stockade.control.placement.PlacementPolicy.Strategy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlacementTest {
    private static final long GIB = 1L << 30;
    private static final PlacementRequest SMALL = new PlacementRequest(GIB, 1, Map.of());

    private static NodeView node(String id, Resources capacity, Resources reserved) {
        return new NodeView(id, "boot", id + ":1", true, capacity, reserved, Map.of("kvm", "software"));
    }

    private static PlacementDecision place(Strategy strategy, PlacementRequest request, NodeView... nodes) {
        return new Placement(new PlacementPolicy(1, 1, strategy)).place(new ClusterSnapshot(List.of(nodes)), request);
    }

    private static String placed(PlacementDecision decision) {
        return decision instanceof Placed(var node, var score) ? node.id() : "none: " + decision;
    }

    @Test
    void shouldSpreadOrPack() {
        NodeView empty = node("empty", new Resources(8 * GIB, 8, 10), Resources.NONE);
        NodeView half = node("half", new Resources(8 * GIB, 8, 10), new Resources(4 * GIB, 1, 1));

        assertThat(placed(place(Strategy.SPREAD, SMALL, half, empty))).isEqualTo("empty");
        assertThat(placed(place(Strategy.PACK, SMALL, empty, half))).isEqualTo("half");
    }

    @Test
    void shouldSayWhyEachNodeCanNotTakeIt() {
        NodeView dead =
                new NodeView("dead", "b", "a:1", false, new Resources(8 * GIB, 8, 10), Resources.NONE, Map.of());
        NodeView memory = node("memory", new Resources(GIB, 8, 10), new Resources(GIB / 2, 1, 1));
        NodeView full = node("full", new Resources(8 * GIB, 8, 2), new Resources(GIB, 1, 2));
        NodeView cpus = node("cpus", new Resources(8 * GIB, 1, 10), new Resources(GIB, 1, 1));
        NodeView few = node("few", new Resources(8 * GIB, 0, 10), Resources.NONE);

        PlacementDecision decision = place(Strategy.SPREAD, SMALL, dead, memory, full, cpus, few);

        assertThat(decision)
                .isInstanceOfSatisfying(
                        NoCapacity.class,
                        none -> assertThat(none.reasons())
                                .containsExactly(
                                        Map.entry("cpus", "has 0 of its 1 CPU shares to give, 1 asked for"),
                                        Map.entry("dead", "not alive"),
                                        Map.entry("few", "has 0 CPUs, 1 asked for"),
                                        Map.entry("full", "all of its 2 sandboxes are taken"),
                                        Map.entry("memory", "has 512 MiB of memory to give, 1024 MiB asked for")));
    }

    @Test
    void shouldHeedLabels() {
        NodeView software = node("software", new Resources(8 * GIB, 8, 10), Resources.NONE);

        assertThat(place(Strategy.SPREAD, new PlacementRequest(GIB, 1, Map.of("kvm", "hardware")), software))
                .isInstanceOf(NoCapacity.class);
        assertThat(placed(place(Strategy.SPREAD, new PlacementRequest(GIB, 1, Map.of("kvm", "software")), software)))
                .isEqualTo("software");
    }

    @Test
    void shouldOvercommitAsFarAsThePolicySays() {
        NodeView node = node("n", new Resources(GIB, 2, 100), new Resources(GIB, 2, 2));
        Placement generous = new Placement(new PlacementPolicy(2, 4, Strategy.SPREAD));

        assertThat(generous.objection(node, SMALL)).isEmpty();
        assertThat(generous.objection(node, new PlacementRequest(GIB + 1, 1, Map.of())))
                .isPresent();
        assertThat(generous.objection(node, new PlacementRequest(GIB, 3, Map.of())))
                .as("no sandbox gets more CPUs than the node has")
                .isPresent();
    }

    @Test
    void shouldAnswerTheSameForTheSameSnapshotInAnyOrder() {
        List<NodeView> nodes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            nodes.add(node("n" + i, new Resources(8 * GIB, 8, 10), Resources.NONE));
        }
        String first = placed(place(Strategy.SPREAD, SMALL, nodes.toArray(NodeView[]::new)));
        for (int seed = 0; seed < 20; seed++) {
            Collections.shuffle(nodes, new Random(seed));
            assertThat(placed(place(Strategy.SPREAD, SMALL, nodes.toArray(NodeView[]::new))))
                    .isEqualTo(first);
        }
    }

    @Test
    void shouldNeverPlaceWhereItDoesNotFitAndAlwaysWhereItDoes() {
        for (int seed = 0; seed < 3000; seed++) {
            Random random = new Random(seed);
            NodeView[] nodes = new NodeView[random.nextInt(6)];
            for (int i = 0; i < nodes.length; i++) {
                nodes[i] = node(
                        "n" + i,
                        new Resources(random.nextLong(8 * GIB), random.nextInt(8), random.nextInt(5)),
                        new Resources(random.nextLong(4 * GIB), random.nextInt(4), random.nextInt(4)));
            }
            PlacementRequest request =
                    new PlacementRequest(1 + random.nextLong(4 * GIB), 1 + random.nextInt(4), Map.of());
            Strategy strategy = Strategy.values()[random.nextInt(2)];

            PlacementDecision decision = place(strategy, request, nodes);

            long fitting = List.of(nodes).stream().filter(n -> fits(n, request)).count();
            switch (decision) {
                case Placed(var node, var score) -> {
                    assertThat(fits(node, request)).as("seed %d", seed).isTrue();
                    assertThat(score).as("seed %d", seed).isBetween(0.0, 1.0);
                }
                case NoCapacity(var reasons) -> {
                    assertThat(fitting).as("seed %d", seed).isZero();
                    assertThat(reasons).as("seed %d", seed).hasSize(nodes.length);
                }
            }
        }
    }

    private static boolean fits(NodeView node, PlacementRequest request) {
        Resources after = node.reserved().plus(request.resources());
        return after.memoryBytes() <= node.capacity().memoryBytes()
                && after.cpus() <= node.capacity().cpus()
                && after.sandboxes() <= node.capacity().sandboxes();
    }
}
