package dev.stockade.sentry.mm;

/**
 * A word of memory as a futex names it: for private futexes the address space and the address, for shared ones the
 * object behind the mapping and the offset in it. Two locations are the same word exactly if their objects are the same
 * instance and their offsets are equal.
 *
 * @param object a {@link MemoryManager} or a {@link dev.stockade.sentry.vfs.Mappable}
 */
public record MemoryLocation(Object object, long offset) {
    @Override
    public boolean equals(Object other) {
        return other instanceof MemoryLocation l && l.object == object && l.offset == offset;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(object) * 31 + Long.hashCode(offset);
    }
}
