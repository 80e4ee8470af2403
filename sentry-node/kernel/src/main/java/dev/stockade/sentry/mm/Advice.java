package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import java.util.Arrays;
import java.util.List;

/** madvise(2), mincore(2), msync(2) and the mlock family. */
final class Advice {
    private static final int LOCK_FLAGS = Vma.LOCKED | Vma.LOCKONFAULT;

    private final MemoryManager mm;

    Advice(MemoryManager mm) {
        this.mm = mm;
    }

    /** What becomes of the flags of an area. */
    @FunctionalInterface
    private interface FlagChange {
        int apply(int flags);
    }

    void madvise(long address, long length, int advice) throws ErrnoException {
        if (!isKnown(advice) || !Layout.isPageAligned(address)) {
            throw Errno.EINVAL.exception();
        }
        long size = Layout.pageUp(length);
        long end = address + size;
        if ((length != 0 && size == 0) || Long.compareUnsigned(end, address) < 0) {
            throw Errno.EINVAL.exception();
        }
        if (size == 0) {
            return;
        }
        if (!Layout.isUserRange(address, size)) {
            throw Errno.ENOMEM.exception();
        }
        if (advice == Mman.MADV_POPULATE_READ || advice == Mman.MADV_POPULATE_WRITE) {
            populate(address, end, advice == Mman.MADV_POPULATE_WRITE);
            return;
        }
        try (Change change = mm.change()) {
            long covered = 0;
            for (Vma part : mm.vmas.slices(address, end)) {
                covered += part.length();
                apply(change, part, advice);
            }
            if (covered < size) {
                throw Errno.ENOMEM.exception();
            }
        }
    }

    private static boolean isKnown(int advice) {
        return (advice >= Mman.MADV_NORMAL && advice <= Mman.MADV_DONTNEED)
                || (advice >= Mman.MADV_FREE && advice <= Mman.MADV_DONTNEED_LOCKED);
    }

    private void apply(Change change, Vma part, int advice) throws ErrnoException {
        switch (advice) {
            case Mman.MADV_DONTNEED, Mman.MADV_DONTNEED_LOCKED -> {
                if (advice == Mman.MADV_DONTNEED && part.is(Vma.LOCKED)) {
                    throw Errno.EINVAL.exception();
                }
                mm.entries.zap(part, part.start(), part.end());
            }
            case Mman.MADV_FREE -> {
                // "The kernel may free these pages at any time": now.
                if (part.file() != null) {
                    throw Errno.EINVAL.exception();
                }
                mm.entries.zap(part, part.start(), part.end());
            }
            case Mman.MADV_REMOVE -> throw Errno.EINVAL.exception();
            case Mman.MADV_DONTFORK -> setFlags(change, part, Vma.DONTFORK, 0);
            case Mman.MADV_DOFORK -> setFlags(change, part, 0, Vma.DONTFORK);
            case Mman.MADV_DONTDUMP -> setFlags(change, part, Vma.DONTDUMP, 0);
            case Mman.MADV_DODUMP -> setFlags(change, part, 0, Vma.DONTDUMP);
            case Mman.MADV_WIPEONFORK -> {
                if (part.file() != null || part.isShared()) {
                    throw Errno.EINVAL.exception();
                }
                setFlags(change, part, Vma.WIPEONFORK, 0);
            }
            case Mman.MADV_KEEPONFORK -> setFlags(change, part, 0, Vma.WIPEONFORK);
            case Mman.MADV_HUGEPAGE -> setFlags(change, part, Vma.HUGEPAGE, Vma.NOHUGEPAGE);
            case Mman.MADV_NOHUGEPAGE -> setFlags(change, part, Vma.NOHUGEPAGE, Vma.HUGEPAGE);
            default -> {
                // Hints: NORMAL, RANDOM, SEQUENTIAL, WILLNEED, MERGEABLE, UNMERGEABLE, COLD, PAGEOUT.
            }
        }
    }

    private void setFlags(Change change, Vma part, int set, int clear) throws ErrnoException {
        mm.vmas.transform(part.start(), part.end(), p -> p.withFlags((p.flags() | set) & ~clear), change.released());
    }

    private void populate(long start, long end, boolean write) throws ErrnoException {
        int access = write ? Faults.WRITE : Faults.READ;
        for (long a = start; a < end; a += PageTables.PAGE_SIZE) {
            long stamp = mm.lock.readLock();
            boolean there;
            try {
                there = mm.tables.translate(a, write) != PageTables.NONE;
            } finally {
                mm.lock.unlockRead(stamp);
            }
            if (!there) {
                switch (mm.faults.fault(a, access)) {
                    case HANDLED -> {}
                    case SEGV_MAPERR, OUT_OF_MEMORY -> throw Errno.ENOMEM.exception();
                    case SEGV_ACCERR -> throw Errno.EINVAL.exception();
                    case BUS_ADRERR -> throw Errno.EFAULT.exception();
                }
            }
        }
    }

    void mincore(long address, long length, long vector) throws ErrnoException {
        if (!Layout.isPageAligned(address)) {
            throw Errno.EINVAL.exception();
        }
        if (!Layout.isUserRange(address, length)) {
            throw Errno.ENOMEM.exception();
        }
        long pages = Layout.pageUp(length) >>> PageTables.PAGE_SHIFT;
        UserAccess.check(vector, pages);
        byte[] buffer = new byte[(int) Math.min(pages, PageTables.PAGE_SIZE)];
        for (long done = 0; done < pages; ) {
            int n = (int) Math.min(pages - done, buffer.length);
            long start = address + (done << PageTables.PAGE_SHIFT);
            long stamp = mm.lock.readLock();
            try {
                if (mm.vmas.mappedBytes(start, start + ((long) n << PageTables.PAGE_SHIFT))
                        < (long) n << PageTables.PAGE_SHIFT) {
                    throw Errno.ENOMEM.exception();
                }
                markResident(buffer, n, start);
            } finally {
                mm.lock.unlockRead(stamp);
            }
            mm.copyOut(vector + done, n == buffer.length ? buffer : Arrays.copyOf(buffer, n));
            done += n;
        }
    }

    /** Goes from table to table: a huge range without any is done soon. */
    private void markResident(byte[] buffer, int pages, long start) {
        Arrays.fill(buffer, 0, pages, (byte) 0);
        long end = start + ((long) pages << PageTables.PAGE_SHIFT);
        long a = mm.tables.skipAbsent(start, end);
        while (a < end) {
            long table = mm.tables.table(a);
            long stop = PageEntries.tableEnd(a, end);
            for (; a < stop; a += PageTables.PAGE_SIZE) {
                if (mm.tables.load(table, a) != 0) {
                    buffer[(int) ((a - start) >>> PageTables.PAGE_SHIFT)] = 1;
                }
            }
            a = mm.tables.skipAbsent(a, end);
        }
    }

    /**
     * Shared mappings are the file's own pages, so every reader sees what was written; nothing waits to be written back
     * by this kernel.
     */
    void msync(long address, long length, int flags) throws ErrnoException {
        if ((flags & ~(Mman.MS_ASYNC | Mman.MS_INVALIDATE | Mman.MS_SYNC)) != 0
                || !Layout.isPageAligned(address)
                || (flags & (Mman.MS_ASYNC | Mman.MS_SYNC)) == (Mman.MS_ASYNC | Mman.MS_SYNC)) {
            throw Errno.EINVAL.exception();
        }
        long size = Layout.pageUp(length);
        if (Long.compareUnsigned(address + size, address) < 0 || (length != 0 && size == 0)) {
            throw Errno.ENOMEM.exception();
        }
        if (size == 0) {
            return;
        }
        if (!Layout.isUserRange(address, size)) {
            throw Errno.ENOMEM.exception();
        }
        long stamp = mm.lock.readLock();
        try {
            long covered = 0;
            for (Vma part : mm.vmas.slices(address, address + size)) {
                if ((flags & Mman.MS_INVALIDATE) != 0 && part.is(Vma.LOCKED)) {
                    throw Errno.EBUSY.exception();
                }
                covered += part.length();
            }
            if (covered < size) {
                throw Errno.ENOMEM.exception();
            }
        } finally {
            mm.lock.unlockRead(stamp);
        }
    }

    void mlock(long address, long length, int flags) throws ErrnoException {
        if ((flags & ~Mman.MLOCK_ONFAULT) != 0) {
            throw Errno.EINVAL.exception();
        }
        long limit = mm.limits().memlock();
        if (limit == 0) {
            throw Errno.EPERM.exception();
        }
        long start = Layout.pageDown(address);
        long size = Layout.pageUp(length + (address - start));
        int set = flags == 0 ? Vma.LOCKED : LOCK_FLAGS;
        try (Change change = mm.change()) {
            if (size >= 0 && Layout.isUserRange(start, size)) {
                long already = 0;
                for (Vma part : mm.vmas.slices(start, start + size)) {
                    already += part.is(Vma.LOCKED) ? part.length() : 0;
                }
                if (Long.compareUnsigned(mm.vmas.lockedBytes() - already + size, limit) > 0) {
                    throw Errno.ENOMEM.exception();
                }
            } else if (limit != MemoryLimits.UNLIMITED) {
                throw Errno.ENOMEM.exception();
            }
            changeLocks(change, start, size, f -> (f & ~LOCK_FLAGS) | set);
        }
        if (flags == 0) {
            switch (mm.faults.populate(start, start + size)) {
                case HANDLED -> {}
                case OUT_OF_MEMORY -> throw Errno.EAGAIN.exception();
                case SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR -> throw Errno.ENOMEM.exception();
            }
        }
    }

    void munlock(long address, long length) throws ErrnoException {
        long start = Layout.pageDown(address);
        try (Change change = mm.change()) {
            changeLocks(change, start, Layout.pageUp(length + (address - start)), f -> f & ~LOCK_FLAGS);
        }
    }

    /** Linux's apply_vma_lock_flags: changes areas up to the first hole. */
    private void changeLocks(Change change, long start, long size, FlagChange flags) throws ErrnoException {
        if (Long.compareUnsigned(start + size, start) < 0) {
            throw Errno.EINVAL.exception();
        }
        if (size == 0) {
            return;
        }
        if (!Layout.isUserRange(start, size)) {
            throw Errno.ENOMEM.exception();
        }
        long covered = start;
        List<Vma> parts = mm.vmas.slices(start, start + size);
        for (Vma part : parts) {
            if (part.start() != covered) {
                break;
            }
            covered = part.end();
        }
        if (covered > start) {
            mm.vmas.transform(start, covered, p -> p.withFlags(flags.apply(p.flags())), change.released());
        }
        if (covered < start + size) {
            throw Errno.ENOMEM.exception();
        }
    }

    void mlockall(int flags) throws ErrnoException {
        if (flags == 0
                || (flags & ~(Mman.MCL_CURRENT | Mman.MCL_FUTURE | Mman.MCL_ONFAULT)) != 0
                || flags == Mman.MCL_ONFAULT) {
            throw Errno.EINVAL.exception();
        }
        long limit = mm.limits().memlock();
        if (limit == 0) {
            throw Errno.EPERM.exception();
        }
        int set = (flags & Mman.MCL_ONFAULT) != 0 ? LOCK_FLAGS : Vma.LOCKED;
        boolean current = (flags & Mman.MCL_CURRENT) != 0;
        try (Change change = mm.change()) {
            if (current && Long.compareUnsigned(mm.vmas.totalBytes(), limit) > 0) {
                throw Errno.ENOMEM.exception();
            }
            mm.lockedByDefault = (flags & Mman.MCL_FUTURE) != 0 ? set : 0;
            if (current) {
                mm.vmas.transform(
                        0, Layout.TASK_SIZE, p -> p.withFlags((p.flags() & ~LOCK_FLAGS) | set), change.released());
            }
        }
        if (current && set == Vma.LOCKED) {
            for (MappingInfo m : mm.mappings(false)) {
                mm.faults.populate(m.start(), m.end());
            }
        }
    }

    void munlockall() throws ErrnoException {
        try (Change change = mm.change()) {
            mm.lockedByDefault = 0;
            mm.vmas.transform(0, Layout.TASK_SIZE, p -> p.withFlags(p.flags() & ~LOCK_FLAGS), change.released());
        }
    }
}
