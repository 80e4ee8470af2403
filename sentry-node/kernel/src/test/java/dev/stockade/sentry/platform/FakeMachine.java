package dev.stockade.sentry.platform;

import dev.stockade.sentry.memory.ArenaMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** A machine without a processor: backing memory, and a record of what it was told about translations. */
public final class FakeMachine implements Machine {
    /** A range that was revoked. */
    public record Revocation(long offset, long length) {
        public boolean covers(long frame) {
            return frame >= offset && frame < offset + length;
        }
    }

    private final ArenaMemory memory;
    private final long base;
    private final List<Revocation> revocations = new ArrayList<>();
    private int forgotten;
    private Consumer<Revocation> onRevoke = r -> {};
    private Runnable onForget = () -> {};

    public FakeMachine(long memoryBytes, long guestPhysicalBase) {
        memory = new ArenaMemory(memoryBytes);
        base = guestPhysicalBase;
    }

    @Override
    public ArenaMemory memory() {
        return memory;
    }

    @Override
    public long guestPhysicalBase() {
        return base;
    }

    @Override
    public void installKernelMappings(long rootFrame) {}

    @Override
    public synchronized void revoke(long frameOffset, long lengthBytes) {
        if (((frameOffset | lengthBytes) & 4095) != 0 || lengthBytes <= 0) {
            throw new IllegalArgumentException("revoke " + frameOffset + "+" + lengthBytes);
        }
        Revocation r = new Revocation(frameOffset, lengthBytes);
        revocations.add(r);
        onRevoke.accept(r);
    }

    /** The revocations since the last call. */
    public synchronized List<Revocation> takeRevocations() {
        List<Revocation> r = List.copyOf(revocations);
        revocations.clear();
        return r;
    }

    @Override
    public synchronized void forgetPageTables() {
        forgotten++;
        onForget.run();
    }

    /** Plays the part of the processors' translation caches. */
    public synchronized void onTranslationsLost(Consumer<Revocation> revoked, Runnable allForgotten) {
        onRevoke = revoked;
        onForget = allForgotten;
    }

    public synchronized int timesForgotten() {
        return forgotten;
    }

    @Override
    public Context newContext() {
        throw new UnsupportedOperationException("no processor");
    }

    @Override
    public void close() {}
}
