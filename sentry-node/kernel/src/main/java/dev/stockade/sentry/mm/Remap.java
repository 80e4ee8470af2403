package dev.stockade.sentry.mm;

import static dev.stockade.sentry.abi.Mman.MREMAP_DONTUNMAP;
import static dev.stockade.sentry.abi.Mman.MREMAP_FIXED;
import static dev.stockade.sentry.abi.Mman.MREMAP_MAYMOVE;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;

/** mremap(2), in the order of Linux's mm/mremap.c. */
final class Remap {
    private final MemoryManager mm;
    private final Mappings mappings;

    Remap(MemoryManager mm, Mappings mappings) {
        this.mm = mm;
        this.mappings = mappings;
    }

    long mremap(long oldAddress, long oldLength, long newLength, int flags, long newAddress) throws ErrnoException {
        boolean mayMove = (flags & MREMAP_MAYMOVE) != 0;
        boolean fixed = (flags & MREMAP_FIXED) != 0;
        boolean dontUnmap = (flags & MREMAP_DONTUNMAP) != 0;
        if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0
                || (fixed && !mayMove)
                || (dontUnmap && (!mayMove || oldLength != newLength))
                || !Layout.isPageAligned(oldAddress)) {
            throw Errno.EINVAL.exception();
        }
        long oldSize = Layout.pageUp(oldLength);
        long newSize = Layout.pageUp(newLength);
        if (newSize == 0) {
            throw Errno.EINVAL.exception();
        }
        long result;
        boolean populate;
        try (Change change = mm.change()) {
            Vma area = mm.vmas.find(oldAddress);
            if (area == null) {
                throw Errno.EFAULT.exception();
            }
            if (fixed || dontUnmap) {
                result = moveTo(change, oldAddress, oldSize, newSize, newAddress, fixed, dontUnmap);
            } else {
                result = resize(change, area, oldAddress, oldSize, newSize, mayMove);
            }
            Vma moved = mm.vmas.find(result);
            populate = moved != null && moved.is(Vma.LOCKED) && !moved.is(Vma.LOCKONFAULT);
        }
        if (populate) {
            mm.faults.populate(result, result + newSize);
        }
        return result;
    }

    private long resize(Change change, Vma area, long oldAddress, long oldSize, long newSize, boolean mayMove)
            throws ErrnoException {
        if (Long.compareUnsigned(oldSize, newSize) >= 0) {
            if (oldSize != newSize) {
                if (!Layout.isUserRange(oldAddress, oldSize)) {
                    throw Errno.EINVAL.exception();
                }
                mappings.unmap(change, oldAddress + newSize, oldAddress + oldSize);
            }
            return oldAddress;
        }
        check(area, oldAddress, oldSize, newSize);
        if (oldAddress + oldSize == area.end()) {
            long end = oldAddress + newSize;
            if (Layout.isUserRange(oldAddress, newSize) && mappings.isFree(area.end(), end)) {
                Vma grown = new Vma(
                        area.end(),
                        end,
                        area.flags(),
                        area.file(),
                        area.file() == null ? 0 : area.offsetOf(area.end()));
                mm.vmas.insert(grown, change.released());
                return oldAddress;
            }
        }
        if (!mayMove) {
            throw Errno.ENOMEM.exception();
        }
        long target = mappings.findFree(0, newSize, false);
        return move(change, oldAddress, oldSize, newSize, target, false);
    }

    private long moveTo(
            Change change,
            long oldAddress,
            long oldSize,
            long newSize,
            long newAddress,
            boolean fixed,
            boolean dontUnmap)
            throws ErrnoException {
        if (!Layout.isPageAligned(newAddress)
                || newSize < 0
                || newSize > Layout.TASK_SIZE
                || !Layout.isUserRange(newAddress, newSize)) {
            throw Errno.EINVAL.exception();
        }
        long oldEnd = oldAddress + oldSize;
        if (Long.compareUnsigned(oldEnd, newAddress) > 0
                && Long.compareUnsigned(newAddress + newSize, oldAddress) > 0) {
            throw Errno.EINVAL.exception();
        }
        if (mm.vmas.size() + 2 >= VmaSet.MAX_MAP_COUNT - 3) {
            throw Errno.ENOMEM.exception();
        }
        if (fixed) {
            if (newAddress < Layout.MIN_ADDRESS) {
                throw Errno.EPERM.exception();
            }
            mappings.unmap(change, newAddress, newAddress + newSize);
        }
        long keep = oldSize;
        if (Long.compareUnsigned(oldSize, newSize) > 0) {
            if (!Layout.isUserRange(oldAddress, oldSize)) {
                throw Errno.EINVAL.exception();
            }
            mappings.unmap(change, oldAddress + newSize, oldAddress + oldSize);
            keep = newSize;
        }
        Vma area = mm.vmas.find(oldAddress);
        if (area == null) {
            throw Errno.EFAULT.exception();
        }
        check(area, oldAddress, keep, newSize);
        if (dontUnmap && (area.file() != null || area.isShared())) {
            throw Errno.EINVAL.exception();
        }
        long target = fixed ? newAddress : mappings.findFree(newAddress, newSize, false);
        return move(change, oldAddress, keep, newSize, target, dontUnmap);
    }

    /** Linux's vma_to_resize. */
    private void check(Vma area, long oldAddress, long oldSize, long newSize) throws ErrnoException {
        if (oldSize == 0 && !area.isShared()) {
            throw Errno.EINVAL.exception();
        }
        if (Long.compareUnsigned(oldSize, area.end() - oldAddress) > 0) {
            throw Errno.EFAULT.exception();
        }
        if (newSize < 0 || newSize > Layout.TASK_SIZE) {
            throw Errno.ENOMEM.exception();
        }
        if (newSize == oldSize) {
            return;
        }
        if (area.offsetOf(oldAddress) + newSize < 0) {
            throw Errno.EINVAL.exception();
        }
        long growth = newSize - oldSize;
        if (area.is(Vma.LOCKED)
                && Long.compareUnsigned(
                                mm.vmas.lockedBytes() + growth, mm.limits().memlock())
                        > 0) {
            throw Errno.EAGAIN.exception();
        }
        mappings.checkLimits(new Vma(0, growth, area.flags(), null, 0), 0);
    }

    private long move(Change change, long oldAddress, long oldSize, long newSize, long target, boolean dontUnmap)
            throws ErrnoException {
        Vma area = mm.vmas.find(oldAddress);
        if (area == null) {
            throw Errno.EFAULT.exception();
        }
        MappedFile file = area.file();
        mm.entries.prepareMove(oldAddress, target, oldSize);
        mm.vmas.insert(
                new Vma(target, target + newSize, area.flags(), file, file == null ? 0 : area.offsetOf(oldAddress)),
                change.released());
        mm.entries.move(oldAddress, target, oldSize);
        if (dontUnmap) {
            mm.vmas.transform(
                    oldAddress,
                    oldAddress + oldSize,
                    part -> part.withFlags(part.flags() & ~(Vma.LOCKED | Vma.LOCKONFAULT)),
                    change.released());
        } else if (oldSize > 0) {
            mappings.unmap(change, oldAddress, oldAddress + oldSize);
        }
        return target;
    }
}
