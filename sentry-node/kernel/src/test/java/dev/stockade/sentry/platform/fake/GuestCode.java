package dev.stockade.sentry.platform.fake;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Which Java code stands at which guest address: what RIP means on the fake processor. */
public final class GuestCode {
    /** Programs of executables start here, 16 apart, in the segment that {@link TinyElf} maps. */
    static final long ENTRIES = 0x401000;

    private static final long HANDLERS = 0x402000;
    private static final long RETURNS = 0x1_0000_0000L;

    final Map<Long, GuestProgram> programs = new ConcurrentHashMap<>();
    final Map<Long, GuestHandler> handlers = new ConcurrentHashMap<>();
    private final AtomicLong nextEntry = new AtomicLong(ENTRIES);
    private final AtomicLong nextHandler = new AtomicLong(HANDLERS);
    private final AtomicLong nextReturn = new AtomicLong(RETURNS);

    /** The entry point of a new executable. */
    public long entry(GuestProgram program) {
        long address = nextEntry.getAndAdd(16);
        programs.put(address, program);
        return address;
    }

    /** The address of a handler. */
    public long handler(GuestHandler handler) {
        long address = nextHandler.getAndAdd(16);
        handlers.put(address, handler);
        return address;
    }

    /** An address behind a SYSCALL instruction that no other call has. */
    long returnAddress() {
        return nextReturn.getAndAdd(16);
    }
}
