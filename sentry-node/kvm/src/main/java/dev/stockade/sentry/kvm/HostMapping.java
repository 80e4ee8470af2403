package dev.stockade.sentry.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A host mapping with a segment on it. Closing waits until no thread is inside an access of the segment, and makes
 * later accesses throw instead of crashing the JVM. Thread-safe.
 */
final class HostMapping implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final long address;
    private final MemorySegment segment;

    private HostMapping(long address, long length) {
        this.address = address;
        this.segment = view(address, length, arena);
    }

    @SuppressWarnings("restricted")
    private static MemorySegment view(long address, long length, Arena arena) {
        // SAFETY: [address, address + length) was mapped by our caller just now, nobody else knows it, and it is
        // unmapped only by this cleanup, after the arena has made the segment inaccessible.
        return MemorySegment.ofAddress(address).reinterpret(length, arena, s -> Host.munmap(s.address(), length));
    }

    /** Maps {@code fd} from its start, shared. */
    static HostMapping ofFile(int fd, long length) {
        return new HostMapping(
                Host.mmap(length, Host.PROT_READ | Host.PROT_WRITE, Host.MAP_SHARED | Host.MAP_NORESERVE, fd), length);
    }

    /** Maps zeroed private memory, which a fork of the JVM does not share. */
    static HostMapping anonymous(long length) {
        HostMapping mapping = new HostMapping(
                Host.mmap(
                        length,
                        Host.PROT_READ | Host.PROT_WRITE,
                        Host.MAP_PRIVATE | Host.MAP_ANONYMOUS | Host.MAP_NORESERVE,
                        -1),
                length);
        Host.tryMadvise(mapping.address, length, Host.MADV_DONTFORK);
        return mapping;
    }

    long address() {
        return address;
    }

    MemorySegment segment() {
        return segment;
    }

    @Override
    public void close() {
        arena.close();
    }
}
