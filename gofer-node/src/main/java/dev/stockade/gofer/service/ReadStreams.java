package dev.stockade.gofer.service;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The reads under way: ends those whose receiver takes nothing, since each keeps a file open. */
@ApplicationScoped
public class ReadStreams {
    private final Set<ReadStream> active = ConcurrentHashMap.newKeySet();
    private final long stallNs;

    @Inject
    public ReadStreams(GoferConfig config) {
        this.stallNs = config.readStallTimeout().toNanos();
    }

    void add(ReadStream stream) {
        active.add(stream);
    }

    void remove(ReadStream stream) {
        active.remove(stream);
    }

    void cancelStalled() {
        long before = System.nanoTime() - stallNs;
        active.forEach(stream -> stream.cancelIfIdleSince(before));
    }

    void cancelAll() {
        active.forEach(ReadStream::cancel);
    }
}
