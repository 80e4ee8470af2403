package dev.stockade.sentry.mm;

import static dev.stockade.sentry.mm.PageTables.ACCESSED;
import static dev.stockade.sentry.mm.PageTables.ANONYMOUS;
import static dev.stockade.sentry.mm.PageTables.DIRTY;
import static dev.stockade.sentry.mm.PageTables.NO_EXECUTE;
import static dev.stockade.sentry.mm.PageTables.PAGE_SIZE;
import static dev.stockade.sentry.mm.PageTables.PRESENT;
import static dev.stockade.sentry.mm.PageTables.TABLE_SPAN;
import static dev.stockade.sentry.mm.PageTables.USER;
import static dev.stockade.sentry.mm.PageTables.WRITABLE;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import java.util.Arrays;

/**
 * Page-table entries of whole ranges, with what hangs on them: frame references, revocation, resident set counters.
 * Guarded by {@code MemoryManager.lock}, for writing unless said otherwise.
 *
 * <p>What makes {@link PageTables#ACCESSED} trustworthy: an entry that the processor can see and that may already be
 * cached keeps the bit, or loses it in one atomic exchange after which the frame is revoked.
 */
final class PageEntries {
    private final PageTables tables;
    private final FrameAllocator frames;
    private final RevocationBatch batch;

    /** Entries that {@link #finishReplacing()} will set. */
    private long[] replacedAddresses = new long[16];

    private long[] replacements = new long[16];
    private int replacedCount;

    private long anonymousPages;
    private long filePages;
    private long sharedPages;

    PageEntries(PageTables tables, FrameAllocator frames, RevocationBatch batch) {
        this.tables = tables;
        this.frames = frames;
        this.batch = batch;
    }

    long anonymousPages() {
        return anonymousPages;
    }

    long filePages() {
        return filePages;
    }

    long sharedPages() {
        return sharedPages;
    }

    long residentPages() {
        return anonymousPages + filePages + sharedPages;
    }

    /** An entry for a page of {@code area}. */
    long make(Vma area, long frame, boolean writable, boolean anonymous, boolean accessed) {
        long bits = anonymous ? ANONYMOUS : 0;
        if (area.protection() != 0) {
            bits |= PRESENT | USER;
            if (accessed) {
                bits |= ACCESSED;
            }
            if (writable) {
                bits |= WRITABLE | DIRTY;
            }
            if (!area.is(Vma.EXEC)) {
                bits |= NO_EXECUTE;
            }
        }
        return tables.entry(frame, bits);
    }

    /** Sets an entry that was zero; it takes over a reference to its frame. */
    void install(Vma area, long table, long address, long entry) {
        tables.store(table, address, entry);
        count(area, entry, 1);
    }

    /**
     * Replaces a non-zero entry by one for another frame, whose reference it takes over. If a processor may still use
     * the old one, the new one waits for {@link #finishReplacing()}: no thread may see the new page change while
     * another still reads the old one (Linux's ptep_clear_flush).
     */
    void replace(Vma area, long table, long address, long entry) {
        long old = tables.exchange(table, address, 0);
        count(area, old, -1);
        count(area, entry, 1);
        batch.drop(tables.frame(old));
        if (!isCached(old)) {
            tables.store(table, address, entry);
            return;
        }
        batch.revoke(tables.frame(old));
        if (replacedCount == replacedAddresses.length) {
            replacedAddresses = Arrays.copyOf(replacedAddresses, replacedCount * 2);
            replacements = Arrays.copyOf(replacements, replacedCount * 2);
        }
        replacedAddresses[replacedCount] = address;
        replacements[replacedCount++] = entry;
    }

    void finishReplacing() {
        if (replacedCount > 0) {
            batch.flush();
            for (int i = 0; i < replacedCount; i++) {
                tables.store(tables.table(replacedAddresses[i]), replacedAddresses[i], replacements[i]);
            }
            replacedCount = 0;
        }
    }

    /** Lets a present entry be written. */
    void makeWritable(long table, long address, long entry) {
        tables.store(table, address, entry | WRITABLE | DIRTY | ACCESSED);
    }

    /** Clears the entries of a part of {@code area}. */
    void zap(Vma area, long start, long end) {
        zap(area, start, end, true);
    }

    /** Clears those of them that are a file's own pages. */
    void zapFilePages(Vma area, long start, long end) {
        zap(area, start, end, false);
    }

    private void zap(Vma area, long start, long end, boolean anonymous) {
        long a = tables.skipAbsent(start, end);
        while (a < end) {
            long table = tables.table(a);
            long stop = tableEnd(a, end);
            for (; a < stop; a += PAGE_SIZE) {
                long entry = tables.load(table, a);
                if (entry != 0 && (anonymous || (entry & ANONYMOUS) == 0)) {
                    long old = tables.exchange(table, a, 0);
                    count(area, old, -1);
                    if (isCached(old)) {
                        batch.revoke(tables.frame(old));
                    }
                    batch.drop(tables.frame(old));
                }
            }
            a = tables.skipAbsent(a, end);
        }
    }

    /** Drops what the entries refer to; no processor will use these tables again, and they are given up next. */
    void abandon(Vma area) {
        long end = area.end();
        long a = tables.skipAbsent(area.start(), end);
        while (a < end) {
            long table = tables.table(a);
            long stop = tableEnd(a, end);
            for (; a < stop; a += PAGE_SIZE) {
                long entry = tables.load(table, a);
                if (entry != 0) {
                    count(area, entry, -1);
                    batch.drop(tables.frame(entry));
                }
            }
            a = tables.skipAbsent(a, end);
        }
    }

    /** Makes the entries of a range obey {@code area}, whose flags are the new ones. */
    void protect(Vma area, long start, long end) {
        long a = tables.skipAbsent(start, end);
        while (a < end) {
            long table = tables.table(a);
            long stop = tableEnd(a, end);
            for (; a < stop; a += PAGE_SIZE) {
                long entry = tables.load(table, a);
                if (entry != 0) {
                    protectOne(area, table, a, entry);
                }
            }
            a = tables.skipAbsent(a, end);
        }
    }

    private void protectOne(Vma area, long table, long address, long entry) {
        long frame = tables.frame(entry);
        boolean anonymous = (entry & ANONYMOUS) != 0;
        boolean writable = area.isWritable() && ((entry & WRITABLE) != 0 || mayWriteAtOnce(area, anonymous, frame));
        boolean wasPresent = (entry & PRESENT) != 0;
        long next = make(area, frame, writable, anonymous, wasPresent);
        boolean weaker = wasPresent
                && ((next & PRESENT) == 0
                        || (entry & WRITABLE) > (next & WRITABLE)
                        || ((next & NO_EXECUTE) != 0 && (entry & NO_EXECUTE) == 0));
        if (weaker) {
            long old = tables.exchange(table, address, next & ~ACCESSED);
            if (isCached(old)) {
                batch.revoke(frame);
            }
        } else if (next != entry) {
            tables.store(table, address, next);
        }
    }

    private boolean mayWriteAtOnce(Vma area, boolean anonymous, long frame) {
        MappedFile file = area.file();
        if (area.isShared()) {
            return file != null && file.isSharedAnonymous();
        }
        return anonymous && frames.references(frame) == 1;
    }

    /** Makes the tables that {@link #move} will need. */
    void prepareMove(long from, long to, long length) throws ErrnoException {
        long end = from + length;
        for (long a = tables.skipAbsent(from, end); a < end; a = tables.skipAbsent(tableEnd(a, end), end)) {
            long first = to + (a - from);
            long last = to + (tableEnd(a, end) - 1 - from);
            tables.makeTable(first);
            tables.makeTable(last);
        }
    }

    /** Moves the entries of a range of an area to where nothing is mapped (mremap(2)); after {@link #prepareMove}. */
    void move(long from, long to, long length) {
        long end = from + length;
        long a = tables.skipAbsent(from, end);
        while (a < end) {
            long table = tables.table(a);
            long stop = tableEnd(a, end);
            for (; a < stop; a += PAGE_SIZE) {
                if (tables.load(table, a) != 0) {
                    long old = tables.exchange(table, a, 0);
                    if (isCached(old)) {
                        batch.revoke(tables.frame(old));
                    }
                    long target = to + (a - from);
                    tables.store(tables.table(target), target, old & ~ACCESSED);
                }
            }
            a = tables.skipAbsent(a, end);
        }
    }

    /** Pages of [start, end) that are resident; holding the lock for reading is enough. */
    long resident(long start, long end, boolean anonymousOnly) {
        long pages = 0;
        long a = tables.skipAbsent(start, end);
        while (a < end) {
            long table = tables.table(a);
            long stop = tableEnd(a, end);
            for (; a < stop; a += PAGE_SIZE) {
                long entry = tables.load(table, a);
                if (entry != 0 && (!anonymousOnly || (entry & ANONYMOUS) != 0)) {
                    pages++;
                }
            }
            a = tables.skipAbsent(a, end);
        }
        return pages;
    }

    /** The end of what the table of {@code address} maps, or {@code end} if that comes first. */
    static long tableEnd(long address, long end) {
        return Math.min(end, (address & -TABLE_SPAN) + TABLE_SPAN);
    }

    static boolean isCached(long entry) {
        return (entry & (PRESENT | ACCESSED)) == (PRESENT | ACCESSED);
    }

    private void count(Vma area, long entry, int delta) {
        MappedFile file = area.file();
        if ((entry & ANONYMOUS) != 0) {
            anonymousPages += delta;
        } else if (file != null && file.isSharedAnonymous()) {
            sharedPages += delta;
        } else {
            filePages += delta;
        }
    }
}
