package dev.stockade.sentry.mm;

import dev.stockade.sentry.vfs.Mappable;
import java.util.concurrent.atomic.AtomicInteger;

/** The object behind the VMAs of one mmap call, in this address space and those forked from it. */
final class MappedFile {
    private final Mappable mappable;
    private final AtomicInteger vmas = new AtomicInteger();

    /** Takes over one {@link Mappable#incrementMapping()} of the caller. */
    MappedFile(Mappable mappable) {
        this.mappable = mappable;
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

    /** Whether that was the last VMA: then {@link #release} has to follow, without locks. */
    boolean detach() {
        return vmas.decrementAndGet() == 0;
    }

    void release() {
        mappable.decrementMapping();
    }
}
