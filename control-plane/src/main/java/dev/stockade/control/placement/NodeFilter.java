package dev.stockade.control.placement;

import java.util.Optional;

/** Says why a node can't take a sandbox, or nothing. */
@FunctionalInterface
interface NodeFilter {
    Optional<String> objection(NodeView node, PlacementRequest request, PlacementPolicy policy);
}
