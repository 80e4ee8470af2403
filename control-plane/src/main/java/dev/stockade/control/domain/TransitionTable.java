package dev.stockade.control.domain;

import static dev.stockade.control.domain.SandboxState.CREATING;
import static dev.stockade.control.domain.SandboxState.DELETED;
import static dev.stockade.control.domain.SandboxState.FAILED;
import static dev.stockade.control.domain.SandboxState.RUNNING;
import static dev.stockade.control.domain.SandboxState.SCHEDULED;
import static dev.stockade.control.domain.SandboxState.STOPPED;
import static dev.stockade.control.domain.SandboxState.STOPPING;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Which observed state may follow which. */
public final class TransitionTable {
    private static final Map<SandboxState, Set<SandboxState>> NEXT = new EnumMap<>(SandboxState.class);

    static {
        NEXT.put(CREATING, EnumSet.of(SCHEDULED, FAILED));
        // STOPPED without RUNNING: stopped before its main process started.
        NEXT.put(SCHEDULED, EnumSet.of(RUNNING, STOPPING, STOPPED, FAILED));
        NEXT.put(RUNNING, EnumSet.of(STOPPING, STOPPED, FAILED));
        NEXT.put(STOPPING, EnumSet.of(STOPPED, FAILED));
        NEXT.put(STOPPED, EnumSet.of(DELETED));
        NEXT.put(FAILED, EnumSet.of(DELETED));
        NEXT.put(DELETED, EnumSet.noneOf(SandboxState.class));
    }

    private TransitionTable() {}

    public static boolean allows(SandboxState from, SandboxState to) {
        return NEXT.getOrDefault(from, Set.of()).contains(to);
    }

    static void check(String sandboxId, SandboxState from, SandboxState to) {
        if (!allows(from, to)) {
            throw new IllegalTransitionException(sandboxId, from, to);
        }
    }
}
