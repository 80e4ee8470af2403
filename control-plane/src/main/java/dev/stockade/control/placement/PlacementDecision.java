package dev.stockade.control.placement;

import java.util.Collections;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;

/** What placement found. */
public sealed interface PlacementDecision {
    /** A node fits. */
    record Placed(NodeView node, double score) implements PlacementDecision {}

    /**
     * No node fits.
     *
     * @param reasons node id to why not, in order of the ids
     */
    record NoCapacity(SequencedMap<String, String> reasons) implements PlacementDecision {
        public NoCapacity {
            reasons = Collections.unmodifiableSequencedMap(new TreeMap<>((Map<String, String>) reasons));
        }
    }
}
