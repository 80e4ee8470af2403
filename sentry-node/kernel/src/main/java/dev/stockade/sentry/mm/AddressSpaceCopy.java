package dev.stockade.sentry.mm;

import static dev.stockade.sentry.mm.PageTables.ANONYMOUS;
import static dev.stockade.sentry.mm.PageTables.PAGE_SIZE;
import static dev.stockade.sentry.mm.PageTables.WRITABLE;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.Mappable;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * fork(2)'s copy of an address space (Linux's dup_mmap). A small one's own pages are copied at once: that costs some
 * 0.2 us a page, a copy-on-write fault later some 35 us and a revocation now. A large one shares them until one side
 * writes. Both locks are held for writing.
 */
final class AddressSpaceCopy {
    /** So many pages of its own at most make an address space small. */
    static final int EAGER_PAGES = 512;

    private static final int BATCH = 64;

    private final MemoryManager parent;
    private final MemoryManager child;
    private final FrameAllocator frames;
    private final RevocationBatch revocations;
    private final Map<Mappable, MappedFile> files;
    private final boolean eager;
    private final long[] spare = new long[BATCH];
    private int spareCount;
    private long pagesLeft;

    /** @param files the child's hold of each file that the parent maps */
    AddressSpaceCopy(
            MemoryManager parent, MemoryManager child, RevocationBatch revocations, Map<Mappable, MappedFile> files) {
        this.parent = parent;
        this.child = child;
        this.frames = parent.frames;
        this.revocations = revocations;
        this.files = files;
        this.pagesLeft = parent.entries.anonymousPages();
        this.eager = pagesLeft <= parent.spaces.eagerForkPages();
    }

    void copy(List<MappedFile> released) throws ErrnoException {
        List<Vma> areas = new ArrayList<>(parent.vmas.size());
        for (int i = 0; i < parent.vmas.size(); i++) {
            Vma area = parent.vmas.get(i);
            if (!area.is(Vma.DONTFORK)) {
                // Locks are not inherited (mlock(2)).
                int flags = area.flags() & ~(Vma.LOCKED | Vma.LOCKONFAULT);
                MappedFile file =
                        area.file() == null ? null : files.get(area.file().mappable());
                areas.add(new Vma(area.start(), area.end(), flags, file, area.offset()));
            }
        }
        try {
            for (Vma area : areas) {
                child.vmas.insert(area, released);
                if (!area.is(Vma.WIPEONFORK)) {
                    copyEntries(area);
                }
            }
        } finally {
            frames.decRef(spare, spareCount);
        }
    }

    private void copyEntries(Vma area) throws ErrnoException {
        long end = area.end();
        long a = parent.tables.skipAbsent(area.start(), end);
        while (a < end) {
            long from = parent.tables.table(a);
            long stop = PageEntries.tableEnd(a, end);
            long to = PageTables.NONE;
            for (; a < stop; a += PAGE_SIZE) {
                long entry = parent.tables.load(from, a);
                if (entry != 0) {
                    if (to == PageTables.NONE) {
                        to = child.tables.makeTable(a);
                    }
                    copyEntry(area, from, to, a, entry);
                }
            }
            a = parent.tables.skipAbsent(a, end);
        }
    }

    private void copyEntry(Vma area, long from, long to, long address, long entry) throws ErrnoException {
        long frame = parent.tables.frame(entry);
        boolean anonymous = (entry & ANONYMOUS) != 0;
        if (anonymous && eager) {
            long copy = nextSpare();
            MemorySegment memory = frames.segment();
            MemorySegment.copy(memory, frame, memory, copy, FrameAllocator.FRAME_SIZE);
            child.entries.install(area, to, address, child.entries.make(area, copy, area.isWritable(), true, true));
            return;
        }
        boolean writable = (entry & WRITABLE) != 0;
        if (writable && anonymous) {
            writable = false;
            long old = parent.tables.exchange(from, address, parent.entries.make(area, frame, false, true, false));
            if (PageEntries.isCached(old)) {
                revocations.revoke(frame);
            }
        }
        frames.incRef(frame);
        // A copy-on-write page that the child never touches can be replaced without revocation: it starts unaccessed.
        long copied = child.entries.make(area, frame, writable, anonymous, !anonymous);
        child.entries.install(area, to, address, copied);
    }

    private long nextSpare() throws ErrnoException {
        if (spareCount == 0) {
            int want = (int) Math.max(1, Math.min(BATCH, pagesLeft));
            spareCount = frames.allocate(spare, want, false);
        }
        pagesLeft--;
        return spare[--spareCount];
    }
}
