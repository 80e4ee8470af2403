package dev.stockade.sentry.platform.fake;

import dev.stockade.sentry.memory.ArenaMemory;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.Machine;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A machine whose contexts run Java lambdas as guest code. */
public final class FakeProcessor implements Machine {
    final ArenaMemory memory;
    final GuestCode code;
    private final Set<FakeContext> contexts = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    public FakeProcessor(long memoryBytes, GuestCode code) {
        this.memory = new ArenaMemory(memoryBytes);
        this.code = code;
    }

    @Override
    public ArenaMemory memory() {
        return memory;
    }

    @Override
    public long guestPhysicalBase() {
        return 0;
    }

    @Override
    public void installKernelMappings(long rootFrame) {}

    @Override
    public void revoke(long frameOffset, long lengthBytes) {}

    @Override
    public void forgetPageTables() {}

    @Override
    public Context newContext() {
        FakeContext c = new FakeContext(this);
        contexts.add(c);
        return c;
    }

    void forget(FakeContext c) {
        contexts.remove(c);
    }

    /** Contexts that were not closed. */
    public int openContexts() {
        return contexts.size();
    }

    public boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        closed = true;
    }
}
