package dev.stockade.gofer.session;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** Counts what each peer holds of one thing, up to a limit. Remembers only peers that hold something. Thread-safe. */
final class PeerQuota {
    private final int limit;
    private final Errno error;
    private final ConcurrentMap<String, Integer> held = new ConcurrentHashMap<>();

    PeerQuota(int limit, Errno error) {
        this.limit = limit;
        this.error = error;
    }

    void take(String peer) throws ErrnoException {
        int[] before = {0};
        held.compute(peer, (p, count) -> {
            before[0] = count == null ? 0 : count;
            return Math.min(limit, before[0] + 1);
        });
        if (before[0] >= limit) {
            throw new ErrnoException(error);
        }
    }

    void giveBack(String peer) {
        held.computeIfPresent(peer, (p, count) -> count == 1 ? null : count - 1);
    }

    int total() {
        return held.values().stream().mapToInt(Integer::intValue).sum();
    }
}
