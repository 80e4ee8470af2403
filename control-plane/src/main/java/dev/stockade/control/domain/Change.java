package dev.stockade.control.domain;

import java.util.ArrayList;
import java.util.List;

/** A sandbox after a change, and what happened. Both are written in one transaction. */
public record Change(Sandbox sandbox, List<SandboxEvent> events) {
    public Change {
        events = List.copyOf(events);
    }

    /** Nothing to do. */
    public static Change none(Sandbox sandbox) {
        return new Change(sandbox, List.of());
    }

    /** This change, then another one made of its result. */
    public Change then(Change next) {
        List<SandboxEvent> all = new ArrayList<>(events);
        all.addAll(next.events);
        return new Change(next.sandbox, all);
    }
}
