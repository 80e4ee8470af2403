package dev.stockade.control.lifecycle;

import java.util.Collections;
import java.util.SequencedMap;

/** No node can take the sandbox. */
public final class NoCapacityException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient SequencedMap<String, String> reasons;

    NoCapacityException(SequencedMap<String, String> reasons) {
        super(
                reasons.isEmpty()
                        ? "no sentry node is registered: start one (stockade status shows the fleet)"
                        : "no node can take the sandbox now: ask for less, stop another one, or add a node");
        this.reasons = Collections.unmodifiableSequencedMap(reasons);
    }

    /** Node id to why not. */
    public SequencedMap<String, String> reasons() {
        return reasons;
    }
}
