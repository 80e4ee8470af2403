package dev.stockade.sentry.mm;

import static dev.stockade.sentry.abi.Mman.LEGACY_MAP_MASK;
import static dev.stockade.sentry.abi.Mman.MAP_32BIT;
import static dev.stockade.sentry.abi.Mman.MAP_ANONYMOUS;
import static dev.stockade.sentry.abi.Mman.MAP_FIXED;
import static dev.stockade.sentry.abi.Mman.MAP_FIXED_NOREPLACE;
import static dev.stockade.sentry.abi.Mman.MAP_GROWSDOWN;
import static dev.stockade.sentry.abi.Mman.MAP_HUGETLB;
import static dev.stockade.sentry.abi.Mman.MAP_LOCKED;
import static dev.stockade.sentry.abi.Mman.MAP_NONBLOCK;
import static dev.stockade.sentry.abi.Mman.MAP_NORESERVE;
import static dev.stockade.sentry.abi.Mman.MAP_POPULATE;
import static dev.stockade.sentry.abi.Mman.MAP_PRIVATE;
import static dev.stockade.sentry.abi.Mman.MAP_SHARED;
import static dev.stockade.sentry.abi.Mman.MAP_SHARED_VALIDATE;
import static dev.stockade.sentry.abi.Mman.MAP_SYNC;
import static dev.stockade.sentry.abi.Mman.MAP_TYPE;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Mappable;
import org.jspecify.annotations.Nullable;

/** mmap, munmap, mprotect and brk: the order of checks is that of Linux's mm/mmap.c and mm/mprotect.c. */
final class Mappings {
    private static final int O_ACCMODE = 3;
    private static final int O_RDONLY = 0;
    private static final int O_WRONLY = 1;

    private final MemoryManager mm;

    Mappings(MemoryManager mm) {
        this.mm = mm;
    }

    long mmap(long address, long length, int prot, int flags, @Nullable FileDescription file, long offset)
            throws ErrnoException {
        if (!Layout.isPageAligned(offset)) {
            throw Errno.EINVAL.exception();
        }
        boolean anonymous = (flags & MAP_ANONYMOUS) != 0;
        if (!anonymous && file == null) {
            throw Errno.EBADF.exception();
        }
        if ((flags & MAP_HUGETLB) != 0) {
            // No huge page pool: hugetlb_file_setup fails so.
            throw anonymous ? Errno.ENOMEM.exception() : Errno.EINVAL.exception();
        }
        long size = checkLength(length, offset);
        int type = flags & MAP_TYPE;
        if (anonymous || file == null) {
            if (type != MAP_SHARED && type != MAP_PRIVATE) {
                throw Errno.EINVAL.exception();
            }
            if (type == MAP_SHARED && (flags & MAP_GROWSDOWN) != 0) {
                throw Errno.EINVAL.exception();
            }
            Mappable object = type == MAP_SHARED
                    ? new SharedAnonymous(mm.frames, mm.spaces.heap(), size, mm.spaces.nextSharedInode())
                    : null;
            return map(address, size, prot, flags, Vma.MAY_ALL, object, 0);
        }
        int mode = file.statusFlags() & O_ACCMODE;
        int may = Vma.MAY_ALL;
        switch (type) {
            case MAP_SHARED, MAP_SHARED_VALIDATE -> {
                if (type == MAP_SHARED_VALIDATE && (flags & ~(LEGACY_MAP_MASK | MAP_FIXED_NOREPLACE)) != 0) {
                    throw Errno.EOPNOTSUPP.exception();
                }
                if (mode == O_RDONLY) {
                    if ((prot & Mman.PROT_WRITE) != 0) {
                        throw Errno.EACCES.exception();
                    }
                    may &= ~Vma.MAY_WRITE;
                }
            }
            case MAP_PRIVATE -> {}
            default -> throw Errno.EINVAL.exception();
        }
        if (mode == O_WRONLY) {
            throw Errno.EACCES.exception();
        }
        Mappable object = file.mappable();
        if ((flags & MAP_GROWSDOWN) != 0) {
            throw Errno.EINVAL.exception();
        }
        return map(address, size, prot, flags & ~MAP_SYNC, may, object, offset);
    }

    /** A file mapping that the kernel itself makes (execve): no checks of an open mode. */
    long mapFile(long address, long length, int prot, int flags, Mappable object, long offset) throws ErrnoException {
        if (!Layout.isPageAligned(offset)) {
            throw Errno.EINVAL.exception();
        }
        return map(address, checkLength(length, offset), prot, flags, Vma.MAY_ALL, object, offset);
    }

    private static long checkLength(long length, long offset) throws ErrnoException {
        if (length == 0) {
            throw Errno.EINVAL.exception();
        }
        long size = Layout.pageUp(length);
        if (size <= 0 || size > Layout.TASK_SIZE) {
            throw Errno.ENOMEM.exception();
        }
        if (offset < 0 || offset + size < 0) {
            throw Errno.EOVERFLOW.exception();
        }
        return size;
    }

    private long map(long hint, long size, int prot, int flags, int may, @Nullable Mappable object, long offset)
            throws ErrnoException {
        int areaFlags = (prot & Vma.PROTECTION) | may;
        if ((flags & MAP_TYPE) != MAP_PRIVATE) {
            areaFlags |= Vma.SHARED;
        }
        if ((flags & MAP_GROWSDOWN) != 0) {
            areaFlags |= Vma.GROWSDOWN;
        }
        if ((flags & MAP_NORESERVE) != 0) {
            areaFlags |= Vma.NORESERVE;
        }
        MappedFile file = object == null ? null : new MappedFile(object, mm.listener);
        boolean populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
        long start;
        try (Change change = mm.change()) {
            start = place(hint, size, flags);
            int locked = ((flags & MAP_LOCKED) != 0 ? Vma.LOCKED : 0) | mm.lockedByDefault;
            if (locked != 0) {
                long limit = mm.limits().memlock();
                if ((flags & MAP_LOCKED) != 0 && limit == 0) {
                    throw Errno.EPERM.exception();
                }
                if (Long.compareUnsigned(mm.vmas.lockedBytes() + size, limit) > 0) {
                    throw Errno.EAGAIN.exception();
                }
                areaFlags |= locked;
                populate |= (locked & Vma.LOCKONFAULT) == 0;
            }
            Vma area = new Vma(start, start + size, areaFlags, file, file == null ? 0 : offset);
            checkLimits(area, mm.vmas.mappedBytes(start, start + size));
            if (mm.vmas.intersects(start, start + size)) {
                unmap(change, start, start + size);
            }
            mm.vmas.insert(area, change.released());
        } finally {
            // Nothing was mapped, or it continues an area that holds the file already.
            if (file != null && file.isUnused()) {
                file.release();
            }
        }
        if (populate) {
            mm.faults.populate(start, start + size);
        }
        return start;
    }

    /** Linux's get_unmapped_area. */
    private long place(long hint, long size, int flags) throws ErrnoException {
        if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) {
            if (hint < 0 || hint > Layout.TASK_SIZE - size) {
                throw Errno.ENOMEM.exception();
            }
            if (!Layout.isPageAligned(hint)) {
                throw Errno.EINVAL.exception();
            }
            if (hint < Layout.MIN_ADDRESS) {
                throw Errno.EPERM.exception();
            }
            if ((flags & MAP_FIXED_NOREPLACE) != 0 && mm.vmas.intersects(hint, hint + size)) {
                throw Errno.EEXIST.exception();
            }
            return hint;
        }
        return findFree(hint, size, (flags & MAP_32BIT) != 0);
    }

    /** A free range: at {@code hint} if that is possible. */
    long findFree(long hint, long size, boolean low) throws ErrnoException {
        long wish = Layout.pageDown(hint);
        if (wish != 0 && wish < Layout.MIN_ADDRESS && wish > 0) {
            wish = Layout.MIN_ADDRESS;
        }
        if (wish > 0 && wish <= Layout.TASK_SIZE - size && isFree(wish, wish + size) && !low) {
            return wish;
        }
        long found;
        if (low) {
            found = bottomUp(size, 0x4000_0000L, 0x8000_0000L);
        } else {
            found = topDown(size, Layout.MIN_ADDRESS, mm.layout.mmapBase());
            if (found < 0) {
                found = bottomUp(size, mm.layout.mmapBase(), Layout.TASK_SIZE);
            }
        }
        if (found < 0) {
            throw Errno.ENOMEM.exception();
        }
        return found;
    }

    /** Whether nothing is mapped there, nor a stack so close above that its guard gap would be used. */
    boolean isFree(long start, long end) {
        int i = mm.vmas.indexFrom(start);
        return i == mm.vmas.size() || end <= gapStart(mm.vmas.get(i));
    }

    private long topDown(long size, long low, long high) {
        VmaSet vmas = mm.vmas;
        int i = vmas.indexFrom(high - 1);
        long top = i < vmas.size() ? Math.min(high, gapStart(vmas.get(i))) : high;
        for (int k = i - 1; ; k--) {
            long bottom = k >= 0 ? Math.max(low, vmas.get(k).end()) : low;
            if (top - bottom >= size) {
                return top - size;
            }
            if (k < 0 || bottom == low) {
                return -1;
            }
            top = gapStart(vmas.get(k));
        }
    }

    private long bottomUp(long size, long low, long high) {
        VmaSet vmas = mm.vmas;
        long bottom = low;
        for (int i = vmas.indexFrom(low); ; i++) {
            long top = i < vmas.size() ? Math.min(high, gapStart(vmas.get(i))) : high;
            if (top - bottom >= size) {
                return bottom;
            }
            if (top == high || i == vmas.size()) {
                return -1;
            }
            bottom = Math.max(bottom, vmas.get(i).end());
        }
    }

    /** Linux's vm_start_gap. */
    static long gapStart(Vma area) {
        return area.is(Vma.GROWSDOWN) ? Math.max(0, area.start() - Layout.STACK_GUARD_GAP) : area.start();
    }

    /** Linux's may_expand_vm: whether {@code area} may be added and {@code replacedBytes} go for it. */
    void checkLimits(Vma area, long replacedBytes) throws ErrnoException {
        MemoryLimits limits = mm.limits();
        long total = mm.vmas.totalBytes() - replacedBytes + area.length();
        if (Long.compareUnsigned(total, limits.addressSpace()) > 0) {
            throw Errno.ENOMEM.exception();
        }
        if (area.isData() && Long.compareUnsigned(mm.vmas.dataBytes() + area.length(), limits.data()) > 0) {
            throw Errno.ENOMEM.exception();
        }
    }

    void munmap(long address, long length) throws ErrnoException {
        if (!Layout.isPageAligned(address) || !Layout.isUserRange(address, length)) {
            throw Errno.EINVAL.exception();
        }
        long size = Layout.pageUp(length);
        if (size == 0) {
            throw Errno.EINVAL.exception();
        }
        try (Change change = mm.change()) {
            unmap(change, address, address + size);
        }
    }

    /** Removes what is mapped in the range. */
    void unmap(Change change, long start, long end) throws ErrnoException {
        var parts = mm.vmas.slices(start, end);
        mm.vmas.transform(start, end, part -> null, change.released());
        for (Vma part : parts) {
            mm.entries.zap(part, part.start(), part.end());
        }
    }

    void mprotect(long address, long length, int prot) throws ErrnoException {
        int grows = prot & (Mman.PROT_GROWSDOWN | Mman.PROT_GROWSUP);
        if (grows == (Mman.PROT_GROWSDOWN | Mman.PROT_GROWSUP) || !Layout.isPageAligned(address)) {
            throw Errno.EINVAL.exception();
        }
        if (length == 0) {
            return;
        }
        long size = Layout.pageUp(length);
        long end = address + size;
        if (Long.compareUnsigned(end, address) <= 0) {
            throw Errno.ENOMEM.exception();
        }
        if ((prot & ~(Vma.PROTECTION | Mman.PROT_SEM | grows)) != 0) {
            throw Errno.EINVAL.exception();
        }
        if (address < 0) {
            throw Errno.ENOMEM.exception();
        }
        long limit = end < 0 ? Long.MAX_VALUE : end;
        try (Change change = mm.change()) {
            int i = mm.vmas.indexFrom(address);
            if (i == mm.vmas.size()) {
                throw Errno.ENOMEM.exception();
            }
            Vma first = mm.vmas.get(i);
            long start = address;
            if (grows == Mman.PROT_GROWSDOWN) {
                if (first.start() >= limit) {
                    throw Errno.ENOMEM.exception();
                }
                if (!first.is(Vma.GROWSDOWN)) {
                    throw Errno.EINVAL.exception();
                }
                start = first.start();
            } else if (first.start() > start) {
                throw Errno.ENOMEM.exception();
            } else if (grows != 0) {
                throw Errno.EINVAL.exception();
            }
            protect(change, i, start, limit, prot & Vma.PROTECTION);
        }
    }

    /** Changes areas from index {@code i} on up to {@code end} or the first that can't be changed. */
    private void protect(Change change, int i, long start, long end, int protection) throws ErrnoException {
        ErrnoException failure = null;
        long done = start;
        long newData = 0;
        for (; done < end; i++) {
            if (i == mm.vmas.size() || mm.vmas.get(i).start() > done) {
                failure = Errno.ENOMEM.exception();
                break;
            }
            Vma part = mm.vmas.get(i).slice(start, end);
            if ((protection & ~(part.flags() >>> Vma.MAY_SHIFT)) != 0) {
                failure = Errno.EACCES.exception();
                break;
            }
            if (!part.isData()
                    && part.withFlags(withProtection(part, protection)).isData()) {
                newData += part.length();
                if (Long.compareUnsigned(
                                mm.vmas.dataBytes() + newData, mm.limits().data())
                        > 0) {
                    failure = Errno.ENOMEM.exception();
                    break;
                }
            }
            done = part.end();
        }
        if (done > start) {
            mm.vmas.transform(start, done, part -> part.withFlags(withProtection(part, protection)), change.released());
            for (Vma part : mm.vmas.slices(start, done)) {
                mm.entries.protect(part, part.start(), part.end());
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static int withProtection(Vma area, int protection) {
        return (area.flags() & ~Vma.PROTECTION) | protection;
    }

    /** brk(2): the new break, or the present one if it can't be had. */
    long brk(long address) {
        long populateFrom = 0;
        long populateTo = 0;
        long result;
        try (Change change = mm.change()) {
            long old = mm.brk;
            result = old;
            if (address < mm.startBrk || address > Layout.TASK_SIZE || mm.startBrk == 0) {
                return old;
            }
            if (Long.compareUnsigned(
                            address - mm.startBrk + mm.image().dataLength(),
                            mm.limits().data())
                    > 0) {
                return old;
            }
            long oldEnd = Layout.pageUp(old);
            long newEnd = Layout.pageUp(address);
            if (newEnd < oldEnd) {
                unmap(change, newEnd, oldEnd);
            } else if (newEnd > oldEnd) {
                int i = mm.vmas.indexFrom(oldEnd);
                if (newEnd > Layout.TASK_SIZE
                        || (i < mm.vmas.size() && newEnd + PageTables.PAGE_SIZE > gapStart(mm.vmas.get(i)))) {
                    return old;
                }
                Vma area = new Vma(
                        oldEnd, newEnd, Mman.PROT_READ | Mman.PROT_WRITE | Vma.MAY_ALL | mm.lockedByDefault, null, 0);
                if (area.is(Vma.LOCKED)
                        && Long.compareUnsigned(
                                        mm.vmas.lockedBytes() + area.length(),
                                        mm.limits().memlock())
                                > 0) {
                    return old;
                }
                checkLimits(area, 0);
                mm.vmas.insert(area, change.released());
                if ((mm.lockedByDefault & (Vma.LOCKED | Vma.LOCKONFAULT)) == Vma.LOCKED) {
                    populateFrom = oldEnd;
                    populateTo = newEnd;
                }
            }
            mm.brk = address;
            result = address;
        } catch (ErrnoException e) {
            return mm.brk;
        }
        if (populateTo > populateFrom) {
            mm.faults.populate(populateFrom, populateTo);
        }
        return result;
    }
}
