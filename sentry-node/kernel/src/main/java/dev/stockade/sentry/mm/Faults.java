package dev.stockade.sentry.mm;

import static dev.stockade.sentry.mm.PageTables.ACCESSED;
import static dev.stockade.sentry.mm.PageTables.ANONYMOUS;
import static dev.stockade.sentry.mm.PageTables.PAGE_SHIFT;
import static dev.stockade.sentry.mm.PageTables.PAGE_SIZE;
import static dev.stockade.sentry.mm.PageTables.PRESENT;
import static dev.stockade.sentry.mm.PageTables.TABLE_SPAN;
import static dev.stockade.sentry.mm.PageTables.WRITABLE;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Page faults, of guest code and of the kernel's own accesses. A fault costs the guest tens of microseconds where the
 * host has no nested paging, an entry filled in along with it some nanoseconds: so the neighbours of the page, in the
 * same area and under the same page table, are filled in too (fault-around).
 */
final class Faults {
    /** Kinds of access, as PROT_* bits. */
    static final int READ = 1;

    static final int WRITE = Vma.WRITE;
    static final int EXECUTE = Vma.EXEC;

    /** Pages around an anonymous fault at first; the window doubles while faults go on in the neighbouring one. */
    private static final int ANONYMOUS_WINDOW = 16;

    /** A guest that goes on so far will touch the rest too: the host makes them in one go. */
    private static final int POPULATE_PAGES = 64;

    private static final int MAX_WINDOW = (int) (TABLE_SPAN >>> PAGE_SHIFT);

    /** Pages around a fault on a file: no more than bits of a long. */
    private static final int FILE_WINDOW = 64;

    /** Pages around a copy-on-write fault that are copied with it at first; doubles while faults go on next to it. */
    private static final int COPY_WINDOW = 16;

    private static final int MAX_COPY_WINDOW = 128;

    private final MemoryManager mm;

    /** Where the last anonymous window was. Guarded by the lock for writing. */
    private long lastWindowStart;

    private long lastWindowEnd;

    /** Where pages were last copied. Guarded likewise. */
    private long lastCopyStart;

    private long lastCopyEnd;

    private final long[] batchFrames = new long[MAX_WINDOW];

    Faults(MemoryManager mm) {
        this.mm = mm;
    }

    /**
     * What a fault needs from a file.
     *
     * @param page the address of the faulting page
     * @param windowStart the first page that is mapped along with it
     * @param absent a bit for each page from {@code windowStart} on that is not mapped yet
     */
    private record FileRequest(
            Vma area,
            MappedFile file,
            long page,
            boolean write,
            long windowStart,
            long absent,
            int pages,
            long invalidations) {}

    FaultResult handle(long address, long errorCode) {
        // Intel SDM vol. 3, 4.7: bit 0 present, 1 write, 2 user, 3 reserved bit, 4 instruction fetch.
        int access = (errorCode & 2) != 0 ? WRITE : (errorCode & 16) != 0 ? EXECUTE : READ;
        return fault(address, access);
    }

    /** Makes the page at {@code address} accessible. No lock may be held. */
    FaultResult fault(long address, int access) {
        if (!Layout.isUserRange(address, 1)) {
            return FaultResult.SEGV_MAPERR;
        }
        long page = Layout.pageDown(address);
        for (; ; ) {
            FileRequest request;
            try (Change change = mm.change()) {
                Vma area = areaFor(change, page);
                if (area == null) {
                    return FaultResult.SEGV_MAPERR;
                }
                if (!allows(area, access)) {
                    return FaultResult.SEGV_ACCERR;
                }
                request = resolve(area, page, access);
                if (request == null) {
                    return FaultResult.HANDLED;
                }
            } catch (ErrnoException e) {
                return e.errno() == Errno.ENOMEM ? FaultResult.OUT_OF_MEMORY : FaultResult.SEGV_MAPERR;
            }
            FaultResult result = fromFile(request, access);
            if (result != null) {
                return result;
            }
        }
    }

    /** Fills in all of a range that can be (MAP_POPULATE, mlock); stops quietly where that fails. */
    FaultResult populate(long start, long end) {
        for (long a = start; a < end; ) {
            Vma area;
            long stamp = mm.lock.readLock();
            try {
                area = mm.vmas.find(a);
                while (area != null && a < end && a < area.end() && mm.tables.walk(a) != 0) {
                    a += PAGE_SIZE;
                }
            } finally {
                mm.lock.unlockRead(stamp);
            }
            if (area == null) {
                return FaultResult.SEGV_MAPERR;
            }
            if (a >= end || a >= area.end()) {
                continue;
            }
            boolean write = area.isWritable() && !area.isShared();
            FaultResult result = fault(a, write ? WRITE : READ);
            if (result != FaultResult.HANDLED) {
                return result;
            }
            a += PAGE_SIZE;
        }
        return FaultResult.HANDLED;
    }

    private static boolean allows(Vma area, int access) {
        return access == READ ? area.protection() != 0 : area.is(access);
    }

    private @Nullable Vma areaFor(Change change, long page) throws ErrnoException {
        int i = mm.vmas.indexFrom(page);
        if (i == mm.vmas.size()) {
            return null;
        }
        Vma area = mm.vmas.get(i);
        if (area.start() <= page) {
            return area;
        }
        return area.is(Vma.GROWSDOWN) ? growStack(change, i, area, page) : null;
    }

    /** Linux's expand_downwards. */
    private @Nullable Vma growStack(Change change, int index, Vma area, long page) throws ErrnoException {
        if (page < Layout.MIN_ADDRESS) {
            return null;
        }
        if (index > 0) {
            Vma below = mm.vmas.get(index - 1);
            if (!below.is(Vma.GROWSDOWN) && below.protection() != 0 && page - below.end() < Layout.STACK_GUARD_GAP) {
                return null;
            }
        }
        MemoryLimits limits = mm.limits();
        long growth = area.start() - page;
        if (Long.compareUnsigned(area.end() - page, limits.stack()) > 0
                || Long.compareUnsigned(mm.vmas.totalBytes() + growth, limits.addressSpace()) > 0) {
            return null;
        }
        mm.vmas.transform(
                area.start(),
                area.end(),
                part -> new Vma(page, part.end(), part.flags(), part.file(), part.offset()),
                change.released());
        return mm.vmas.find(page);
    }

    /** Handles the fault if no file is needed; the lock is held for writing. */
    private @Nullable FileRequest resolve(Vma area, long page, int access) throws ErrnoException {
        long table = mm.tables.makeTable(page);
        long entry = mm.tables.load(table, page);
        MappedFile file = area.file();
        if (entry == 0) {
            if (file == null) {
                fillAnonymous(area, table, page);
                return null;
            }
            return request(area, file, table, page, access == WRITE);
        }
        if (access != WRITE || (entry & WRITABLE) != 0) {
            // Another thread was faster, or the processor had an older entry.
            return null;
        }
        if (area.isShared() && file != null) {
            return request(area, file, table, page, true);
        }
        try {
            copyOnWrite(area, table, page);
        } finally {
            mm.entries.finishReplacing();
        }
        return null;
    }

    private void fillAnonymous(Vma area, long table, long page) throws ErrnoException {
        long start = page;
        long end = page + PAGE_SIZE;
        int pages = anonymousWindow(page);
        if (pages > 1) {
            start = Math.max(area.start(), page & -(pages * PAGE_SIZE));
            end = Math.min(area.end(), (page & -(pages * PAGE_SIZE)) + pages * PAGE_SIZE);
        }
        lastWindowStart = start;
        lastWindowEnd = end;
        int absent = 0;
        for (long a = start; a < end; a += PAGE_SIZE) {
            if (mm.tables.load(table, a) == 0) {
                absent++;
            }
        }
        int got = mm.frames.allocate(batchFrames, absent, true);
        if (got >= POPULATE_PAGES) {
            populateFrames(got);
        }
        int next = 0;
        installAnonymous(area, table, page, batchFrames[next++]);
        for (long a = start; a < end && next < got; a += PAGE_SIZE) {
            if (mm.tables.load(table, a) == 0) {
                installAnonymous(area, table, a, batchFrames[next++]);
            }
        }
    }

    /** Has the host put memory behind the first frames of the batch, run by run. */
    private void populateFrames(int count) {
        for (int i = 0; i < count; ) {
            int j = i + 1;
            while (j < count && batchFrames[j] == batchFrames[j - 1] + FrameAllocator.FRAME_SIZE) {
                j++;
            }
            if (j - i >= POPULATE_PAGES) {
                mm.frames.memory().populate(batchFrames[i], (long) (j - i) << PAGE_SHIFT);
            }
            i = j;
        }
    }

    /** Then nothing is allocated that was not asked for. */
    private boolean isMemoryTight() {
        long limit = mm.frames.limitBytes();
        return mm.frames.usedBytes() > limit - (limit >>> 3);
    }

    private void installAnonymous(Vma area, long table, long address, long frame) {
        mm.entries.install(area, table, address, mm.entries.make(area, frame, area.isWritable(), true, true));
    }

    private int anonymousWindow(long page) {
        if (isMemoryTight()) {
            return 1;
        }
        long last = (lastWindowEnd - lastWindowStart) >>> PAGE_SHIFT;
        boolean adjacent = page >= lastWindowStart - last * PAGE_SIZE && page < lastWindowEnd + last * PAGE_SIZE;
        if (last == 0 || !adjacent) {
            return ANONYMOUS_WINDOW;
        }
        return (int) Math.min(Math.max(Long.highestOneBit(last) * 2, ANONYMOUS_WINDOW), MAX_WINDOW);
    }

    /**
     * A write to a private page that is present and must not be written: make it ours, and its anonymous neighbours.
     * Pages of a file that may change stay the file's until they are written: changes show in them (mm/memory.c).
     */
    private void copyOnWrite(Vma area, long table, long page) throws ErrnoException {
        breakOne(area, table, page);
        if (isMemoryTight()) {
            return;
        }
        long last = (lastCopyEnd - lastCopyStart) >>> PAGE_SHIFT;
        long window = PAGE_SIZE
                * (last > 0 && page >= lastCopyStart - PAGE_SIZE && page <= lastCopyEnd
                        ? Math.min(Math.max(Long.highestOneBit(last) * 2, COPY_WINDOW), MAX_COPY_WINDOW)
                        : COPY_WINDOW);
        long start = Math.max(area.start(), page & -window);
        long end = Math.min(area.end(), (page & -window) + window);
        lastCopyStart = start;
        lastCopyEnd = end;
        try {
            for (long a = start; a < end; a += PAGE_SIZE) {
                long entry = mm.tables.load(table, a);
                if ((entry & (PRESENT | WRITABLE)) == PRESENT && ((entry & ANONYMOUS) != 0 || copiesEarly(area))) {
                    breakOne(area, table, a);
                }
            }
        } catch (ErrnoException e) {
            // The page that was asked for is there.
            return;
        }
    }

    /** Whether nobody can tell that a file's page was copied before it was written. */
    private static boolean copiesEarly(Vma area) {
        MappedFile file = area.file();
        return !area.isShared() && file != null && file.mappable().isImmutable();
    }

    private void breakOne(Vma area, long table, long address) throws ErrnoException {
        long entry = mm.tables.load(table, address);
        long frame = mm.tables.frame(entry);
        if ((entry & ANONYMOUS) != 0 && mm.frames.references(frame) == 1) {
            mm.entries.makeWritable(table, address, entry);
            return;
        }
        long copy = mm.frames.allocateUninitialized();
        copyPage(frame, copy);
        mm.entries.replace(area, table, address, mm.entries.make(area, copy, true, true, true));
    }

    private void copyPage(long from, long to) {
        MemorySegment memory = mm.frames.segment();
        MemorySegment.copy(memory, from, memory, to, FrameAllocator.FRAME_SIZE);
    }

    private FileRequest request(Vma area, MappedFile file, long table, long page, boolean write) {
        long window = FILE_WINDOW * PAGE_SIZE;
        long start = Math.max(area.start(), page & -window);
        long end = Math.min(area.end(), (page & -window) + window);
        long absent = 0;
        int pages = (int) ((end - start) >>> PAGE_SHIFT);
        if (!(write && area.isShared()) || file.isSharedAnonymous()) {
            for (int i = 0; i < pages; i++) {
                long a = start + i * PAGE_SIZE;
                if (a != page && mm.tables.load(table, a) == 0) {
                    absent |= 1L << i;
                }
            }
        }
        return new FileRequest(area, file, page, write, start, absent, pages, mm.invalidations);
    }

    /** Gets the pages without the lock and installs them if nothing changed; null to start again. */
    private @Nullable FaultResult fromFile(FileRequest request, int access) {
        Vma area = request.area();
        long[] around = new long[FILE_WINDOW];
        long frame;
        try {
            boolean writeFile = area.isShared() && (request.write() || isWritableSharedAnonymous(area));
            frame = request.file().mappable().mapPage(area.offsetOf(request.page()), writeFile);
        } catch (ErrnoException e) {
            return switch (e.errno()) {
                case ENOMEM -> FaultResult.OUT_OF_MEMORY;
                // The thread is told to come to an end: the access is tried again by whoever is left.
                case EINTR -> FaultResult.HANDLED;
                default -> FaultResult.BUS_ADRERR;
            };
        }
        long have = 0;
        for (int i = 0; i < request.pages(); i++) {
            if ((request.absent() & (1L << i)) != 0) {
                long f =
                        request.file().mappable().mapPageIfCached(area.offsetOf(request.windowStart() + i * PAGE_SIZE));
                if (f >= 0) {
                    around[i] = f;
                    have |= 1L << i;
                }
            }
        }
        try (Change _ = mm.change()) {
            Vma now = mm.vmas.find(request.page());
            boolean same = now != null
                    && now.file() != null
                    && now.file().mappable() == request.file().mappable()
                    && now.offsetOf(request.page()) == area.offsetOf(request.page())
                    && now.isShared() == area.isShared()
                    // A file may have lost the page since.
                    && mm.invalidations == request.invalidations();
            if (now == null || !same) {
                drop(frame, around, have);
                return null;
            }
            if (!allows(now, access)) {
                drop(frame, around, have);
                return FaultResult.SEGV_ACCERR;
            }
            long table = mm.tables.makeTable(request.page());
            boolean copies = request.write() && copiesEarly(now);
            long copyWindow = COPY_WINDOW * PAGE_SIZE;
            boolean installed = installFilePage(now, table, request.page(), frame, request.write());
            for (int i = 0; i < request.pages(); i++) {
                if ((have & (1L << i)) != 0) {
                    long a = request.windowStart() + i * PAGE_SIZE;
                    if (a < now.start() || a >= now.end() || mm.tables.load(table, a) != 0) {
                        mm.frames.decRef(around[i]);
                    } else {
                        boolean copy = copies && (a & -copyWindow) == (request.page() & -copyWindow);
                        installFilePage(now, table, a, around[i], copy);
                    }
                }
            }
            return installed ? FaultResult.HANDLED : FaultResult.OUT_OF_MEMORY;
        } catch (ErrnoException e) {
            // makeTable: the tables of the first attempt are still there, so this does not happen.
            drop(frame, around, have);
            return FaultResult.OUT_OF_MEMORY;
        }
    }

    private static boolean isWritableSharedAnonymous(Vma area) {
        MappedFile file = area.file();
        return area.isShared() && area.isWritable() && file != null && file.isSharedAnonymous();
    }

    /**
     * Installs a page of a file, whose reference it takes over, or a copy of it; false if there is no memory for one.
     *
     * @param write it is about to be written
     */
    private boolean installFilePage(Vma area, long table, long address, long frame, boolean write) {
        long entry = mm.tables.load(table, address);
        if (!area.isShared() && write) {
            if (entry != 0) {
                // Another thread was faster; if it only read, the access faults again and is copied then.
                mm.frames.decRef(frame);
                return true;
            }
            long copy;
            try {
                copy = mm.frames.allocateUninitialized();
            } catch (ErrnoException e) {
                mm.frames.decRef(frame);
                return false;
            }
            copyPage(frame, copy);
            mm.frames.decRef(frame);
            mm.entries.install(area, table, address, mm.entries.make(area, copy, area.isWritable(), true, true));
            return true;
        }
        boolean writable = area.isShared() && area.isWritable() && (write || isWritableSharedAnonymous(area));
        long next = mm.entries.make(area, frame, writable, false, true);
        if (entry == 0) {
            mm.entries.install(area, table, address, next);
        } else if (mm.tables.frame(entry) == frame) {
            if (writable && (entry & WRITABLE) == 0) {
                mm.entries.makeWritable(table, address, entry | ACCESSED);
            }
            mm.frames.decRef(frame);
        } else if (writable) {
            // The file has another page there now (it was truncated and extended, or copied up).
            mm.entries.replace(area, table, address, next);
            mm.entries.finishReplacing();
        } else {
            mm.frames.decRef(frame);
        }
        return true;
    }

    private void drop(long frame, long[] around, long have) {
        mm.frames.decRef(frame);
        for (int i = 0; i < FILE_WINDOW; i++) {
            if ((have & (1L << i)) != 0) {
                mm.frames.decRef(around[i]);
            }
        }
    }
}
