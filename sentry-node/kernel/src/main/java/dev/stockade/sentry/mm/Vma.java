package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.Mman;
import org.jspecify.annotations.Nullable;

/**
 * A virtual memory area: pages of one kind (Linux's vm_area_struct). Immutable; changes replace it in its
 * {@link VmaSet}.
 *
 * @param end exclusive
 * @param flags the PROT_* bits and those below
 * @param file null for private anonymous memory
 * @param offset of {@code start} in the file; 0 without a file
 */
record Vma(long start, long end, int flags, @Nullable MappedFile file, long offset) {
    static final int PROTECTION = Mman.PROT_READ | Mman.PROT_WRITE | Mman.PROT_EXEC;
    static final int WRITE = Mman.PROT_WRITE;
    static final int EXEC = Mman.PROT_EXEC;
    static final int SHARED = 0x8;

    /** mprotect may add PROT_READ, PROT_WRITE, PROT_EXEC: those bits shifted left by {@link #MAY_SHIFT}. */
    static final int MAY_SHIFT = 4;

    static final int MAY_WRITE = WRITE << MAY_SHIFT;
    static final int MAY_ALL = PROTECTION << MAY_SHIFT;
    static final int GROWSDOWN = 0x100;
    static final int NORESERVE = 0x200;
    static final int LOCKED = 0x400;
    static final int LOCKONFAULT = 0x800;
    static final int DONTFORK = 0x1000;
    static final int WIPEONFORK = 0x2000;
    static final int DONTDUMP = 0x4000;
    static final int HUGEPAGE = 0x8000;
    static final int NOHUGEPAGE = 0x1_0000;

    long length() {
        return end - start;
    }

    int protection() {
        return flags & PROTECTION;
    }

    boolean is(int flag) {
        return (flags & flag) != 0;
    }

    boolean isShared() {
        return is(SHARED);
    }

    boolean isWritable() {
        return is(WRITE);
    }

    /** Counts against RLIMIT_DATA (Linux's is_data_mapping). */
    boolean isData() {
        return (flags & (WRITE | SHARED | GROWSDOWN)) == WRITE;
    }

    long offsetOf(long address) {
        return offset + (address - start);
    }

    /** The part of this area in [from, to), which must not be empty. */
    Vma slice(long from, long to) {
        if (from <= start && to >= end) {
            return this;
        }
        long s = Math.max(start, from);
        return new Vma(s, Math.min(end, to), flags, file, file == null ? 0 : offsetOf(s));
    }

    Vma withFlags(int newFlags) {
        return newFlags == flags ? this : new Vma(start, end, newFlags, file, offset);
    }

    /** Whether {@code next} continues this area. */
    boolean mergesWith(Vma next) {
        if (end != next.start || flags != next.flags) {
            return false;
        }
        if (file == null || next.file == null) {
            return file == next.file;
        }
        return file.mappable() == next.file.mappable() && offset + length() == next.offset;
    }

    Vma merge(Vma next) {
        return new Vma(start, next.end, flags, file, offset);
    }
}
