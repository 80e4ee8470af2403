package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.Machine;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The page tables of one address space in the backing memory: x86-64's four levels, 4 KiB pages (Intel SDM vol. 3,
 * 4.5). Not thread-safe: readers and writers hold {@code MemoryManager.lock}; the processor reads, and sets
 * {@link #ACCESSED} and {@link #DIRTY}, at any time.
 *
 * <p>An entry above the last level is written once and neither changed nor cleared while the address space lives: hosts
 * with shadow paging would not see it. Tables that no longer map anything stay until the end; they are charged to
 * the sandbox like all of its memory.
 *
 * <p>A page without any access (PROT_NONE) keeps its frame in an entry without {@link #PRESENT}: every non-zero entry
 * of the last level holds a reference to its frame.
 */
final class PageTables {
    static final long PRESENT = 1;
    static final long WRITABLE = 1 << 1;
    static final long USER = 1 << 2;

    /**
     * Set by the processor before it caches a translation (SDM vol. 3, 4.8; KVM's shadow paging does the same). So an
     * entry without it can be cleared or weakened without revocation, if that is done atomically.
     */
    static final long ACCESSED = 1 << 5;

    static final long DIRTY = 1 << 6;

    /** Ignored by the processor: the page belongs to address spaces only, not to a file or a shared object. */
    static final long ANONYMOUS = 1 << 9;

    static final long NO_EXECUTE = 1L << 63;
    static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    static final long NONE = -1;
    static final int PAGE_SHIFT = 12;
    static final long PAGE_SIZE = 1 << PAGE_SHIFT;

    /** What one table of the last level maps. */
    static final long TABLE_SPAN = 1 << 21;

    private static final int ENTRIES = 512;
    private static final long DIRECTORY = PRESENT | WRITABLE | USER | ACCESSED;
    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

    private final MemorySegment memory;
    private final long memorySize;
    private final long base;
    private final PageTableAllocator allocator;
    private long root;

    /** All tables but the root. */
    private long[] tables = new long[16];

    private int tableCount;

    PageTables(Machine machine, PageTableAllocator allocator) throws ErrnoException {
        this.memory = machine.memory().segment();
        this.memorySize = machine.memory().size();
        this.base = machine.guestPhysicalBase();
        this.allocator = allocator;
        this.root = allocator.allocate();
        machine.installKernelMappings(root);
    }

    long root() {
        return root;
    }

    long sizeBytes() {
        return root == NONE ? 0 : (tableCount + 1L) << FrameAllocator.FRAME_SHIFT;
    }

    /** The frame that an entry refers to. */
    long frame(long entry) {
        return (entry & ADDRESS) - base;
    }

    long entry(long frame, long bits) {
        return (frame + base) | bits;
    }

    /** The last-level table for a user address, or {@link #NONE}. */
    long table(long address) {
        long table = root;
        for (int shift = 39; shift >= 21 && table != NONE; shift -= 9) {
            table = next(table, address >>> shift);
        }
        return table;
    }

    /** The last-level table for a user address, made if it is not there. */
    long makeTable(long address) throws ErrnoException {
        long table = root;
        for (int shift = 39; shift >= 21; shift -= 9) {
            long next = next(table, address >>> shift);
            if (next == NONE) {
                next = allocator.allocate();
                if (tableCount == tables.length) {
                    tables = Arrays.copyOf(tables, tableCount * 2);
                }
                tables[tableCount++] = next;
                LONG.setRelease(memory, slot(table, address >>> shift), entry(next, DIRECTORY));
            }
            table = next;
        }
        return table;
    }

    /** The entry for an address in its last-level table. */
    long load(long table, long address) {
        return (long) LONG.getOpaque(memory, slot(table, address >>> PAGE_SHIFT));
    }

    /** For entries that were zero, or only gain rights. */
    void store(long table, long address, long entry) {
        LONG.setRelease(memory, slot(table, address >>> PAGE_SHIFT), entry);
    }

    /** Replaces an entry; the old value tells whether the processor ever used it. */
    long exchange(long table, long address, long entry) {
        return (long) LONG.getAndSet(memory, slot(table, address >>> PAGE_SHIFT), entry);
    }

    /** The entry for an address, 0 if there is none. */
    long walk(long address) {
        long table = table(address);
        return table == NONE ? 0 : load(table, address);
    }

    /**
     * Where a user access may go: the offset of the byte in the backing memory, or {@link #NONE} if the access would
     * fault. Safe without the lock, the result being useless then unless the lock is found unchanged afterwards.
     */
    long translate(long address, boolean write) {
        long entry = walk(address);
        long need = write ? PRESENT | USER | WRITABLE : PRESENT | USER;
        if ((entry & need) != need) {
            return NONE;
        }
        long frame = frame(entry);
        return frame >= 0 && frame < memorySize ? frame + (address & (PAGE_SIZE - 1)) : NONE;
    }

    /** The first address from {@code address} on that has a last-level table, or {@code end}. */
    long skipAbsent(long address, long end) {
        while (address < end) {
            long table = root;
            int shift = 39;
            while (shift >= 21 && table != NONE) {
                table = next(table, address >>> shift);
                shift -= 9;
            }
            if (table != NONE) {
                return address;
            }
            // The missing table is the one that an entry of the level above, at shift + 9, would map.
            long span = 1L << (shift + 9);
            address = (address & -span) + span;
        }
        return end;
    }

    /** Gives up all tables. The frames that they map are the caller's business, before. */
    void destroy() {
        for (int i = 0; i < tableCount; i++) {
            allocator.retire(tables[i]);
        }
        allocator.retire(root);
        tableCount = 0;
        root = NONE;
    }

    /** A table that {@code table} refers to, or {@link #NONE}. */
    private long next(long table, long index) {
        long entry = (long) LONG.getAcquire(memory, slot(table, index));
        if ((entry & PRESENT) == 0) {
            return NONE;
        }
        long next = frame(entry);
        return next >= 0 && next < memorySize ? next : NONE;
    }

    private static long slot(long table, long index) {
        return table + (index & (ENTRIES - 1)) * Long.BYTES;
    }
}
