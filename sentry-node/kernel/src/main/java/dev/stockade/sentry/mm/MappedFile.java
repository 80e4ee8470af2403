package dev.stockade.sentry.mm;

import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.MappingListener;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The object behind VMAs of one address space. Made and released without locks. */
final class MappedFile {
    private final Mappable mappable;
    private final MappingListener listener;
    private final AtomicInteger vmas = new AtomicInteger();
    private final AtomicBoolean released = new AtomicBoolean();

    /** @param listener the address space */
    MappedFile(Mappable mappable, MappingListener listener) {
        this.mappable = mappable;
        this.listener = listener;
        mappable.incrementMapping();
        mappable.addListener(listener);
    }

    Mappable mappable() {
        return mappable;
    }

    boolean isSharedAnonymous() {
        return mappable instanceof SharedAnonymous;
    }

    void attach() {
        vmas.incrementAndGet();
    }

    /** Whether that was the last VMA: then {@link #release} has to follow. */
    boolean detach() {
        return vmas.decrementAndGet() == 0;
    }

    boolean isUnused() {
        return vmas.get() == 0;
    }

    void release() {
        if (released.compareAndSet(false, true)) {
            mappable.removeListener(listener);
            mappable.decrementMapping();
        }
    }
}
