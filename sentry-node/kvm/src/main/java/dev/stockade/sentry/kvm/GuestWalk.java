package dev.stockade.sentry.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Walks a sandbox's page tables as the processor would, to look at one byte of code. */
final class GuestWalk {
    private static final long PRESENT = 1;
    private static final long USER = 4;
    private static final long LARGE = 0x80;
    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    private GuestWalk() {}

    /** The byte at a user address, or -1 if it is not mapped for ring 3 in the sandbox's memory. */
    static int readByte(MemorySegment memory, long base, long root, long address) {
        long table = root - base;
        for (int shift = 39; shift >= 12; shift -= 9) {
            if (table < 0 || table > memory.byteSize() - Host.PAGE_SIZE) {
                return -1;
            }
            long entry = memory.get(ValueLayout.JAVA_LONG, table + (address >>> shift & 511) * 8);
            if ((entry & PRESENT) == 0 || (entry & USER) == 0) {
                return -1;
            }
            long next = (entry & ADDRESS) - base;
            if (shift == 12 || (shift < 39 && (entry & LARGE) != 0)) {
                long offsetMask = (1L << shift) - 1;
                long at = (next & ~offsetMask) + (address & offsetMask);
                return at >= 0 && at < memory.byteSize() ? memory.get(ValueLayout.JAVA_BYTE, at) & 0xff : -1;
            }
            table = next;
        }
        return -1;
    }
}
