package dev.stockade.sentry.mm;

import static dev.stockade.sentry.mm.PageTables.NONE;
import static dev.stockade.sentry.mm.PageTables.PAGE_SIZE;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The kernel's access to guest memory (Linux's uaccess): through the page tables, checked as user accesses, faulting
 * pages in. The lock is held for reading while bytes are moved and never while a fault is handled.
 */
final class UserAccess {
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final ValueLayout.OfShort SHORT_AT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT_AT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG_AT = ValueLayout.JAVA_LONG_UNALIGNED;

    /** Another thread can take a page away as often as it likes; this thread has to come to an end. */
    private static final int MAX_FAULTS = 1000;

    private final MemoryManager mm;
    private final MemorySegment memory;

    UserAccess(MemoryManager mm) {
        this.mm = mm;
        this.memory = mm.frames.segment();
    }

    /** What moves bytes between one page of guest memory and somewhere else. */
    @FunctionalInterface
    private interface Mover {
        /**
         * @param at offset in the backing memory
         * @param done bytes already moved
         */
        void move(long at, long done, long length);
    }

    void copyIn(long address, MemorySegment destination, long offset, long length) throws ErrnoException {
        check(address, length);
        long done = copyInSome(address, destination, offset, length);
        if (done < length) {
            throw Errno.EFAULT.exception();
        }
    }

    void copyOut(long address, MemorySegment source, long offset, long length) throws ErrnoException {
        check(address, length);
        long done = copyOutSome(address, source, offset, length);
        if (done < length) {
            throw Errno.EFAULT.exception();
        }
    }

    void clear(long address, long length) throws ErrnoException {
        check(address, length);
        long done =
                each(address, length, true, (at, d, n) -> memory.asSlice(at, n).fill((byte) 0));
        if (done < length) {
            throw Errno.EFAULT.exception();
        }
    }

    /** Copies up to the first byte that can't be read; the range has been checked. */
    long copyInSome(long address, MemorySegment destination, long offset, long length) {
        return each(
                address, length, false, (at, done, n) -> MemorySegment.copy(memory, at, destination, offset + done, n));
    }

    long copyOutSome(long address, MemorySegment source, long offset, long length) {
        return each(address, length, true, (at, done, n) -> MemorySegment.copy(source, offset + done, memory, at, n));
    }

    private long each(long address, long length, boolean write, Mover mover) {
        long done = 0;
        int faults = 0;
        while (done < length) {
            long stamp = mm.lock.readLock();
            try {
                while (done < length) {
                    long a = address + done;
                    long at = mm.tables.translate(a, write);
                    if (at == NONE) {
                        break;
                    }
                    long n = Math.min(length - done, PAGE_SIZE - (a & (PAGE_SIZE - 1)));
                    mover.move(at, done, n);
                    done += n;
                    faults = 0;
                }
            } finally {
                mm.lock.unlockRead(stamp);
            }
            if (done < length && (++faults > MAX_FAULTS || !faultIn(address + done, write))) {
                return done;
            }
        }
        return done;
    }

    /** Whether the access may be tried again. */
    private boolean faultIn(long address, boolean write) {
        FaultResult result = mm.faults.fault(address, write ? Faults.WRITE : Faults.READ);
        if (result == FaultResult.OUT_OF_MEMORY) {
            mm.spaces.outOfMemory();
        }
        return result == FaultResult.HANDLED;
    }

    static void check(long address, long length) throws ErrnoException {
        if (!Layout.isUserRange(address, length)) {
            throw Errno.EFAULT.exception();
        }
    }

    byte[] copyInString(long address, int limit) throws ErrnoException {
        byte[] bytes = new byte[Math.min(Math.max(limit, 0), 128)];
        int length = 0;
        int faults = 0;
        while (length < limit) {
            long a = address + length;
            check(a, 1);
            long stamp = mm.lock.readLock();
            try {
                long at = mm.tables.translate(a, false);
                if (at != NONE) {
                    faults = 0;
                    int n = (int) Math.min(limit - length, PAGE_SIZE - (a & (PAGE_SIZE - 1)));
                    for (int i = 0; i < n; i++) {
                        byte b = memory.get(ValueLayout.JAVA_BYTE, at + i);
                        if (b == 0) {
                            return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
                        }
                        if (length == bytes.length) {
                            bytes = Arrays.copyOf(bytes, Math.min(limit, length * 4));
                        }
                        bytes[length++] = b;
                    }
                    continue;
                }
            } finally {
                mm.lock.unlockRead(stamp);
            }
            if (++faults > MAX_FAULTS || !faultIn(a, false)) {
                throw Errno.EFAULT.exception();
            }
        }
        throw Errno.ENAMETOOLONG.exception();
    }

    byte readByte(long address) throws ErrnoException {
        return (byte) readSmall(address, 1);
    }

    short readShort(long address) throws ErrnoException {
        return (short) readSmall(address, 2);
    }

    int readInt(long address) throws ErrnoException {
        return (int) readSmall(address, 4);
    }

    long readLong(long address) throws ErrnoException {
        return readSmall(address, 8);
    }

    void writeByte(long address, byte value) throws ErrnoException {
        writeSmall(address, value, 1);
    }

    void writeShort(long address, short value) throws ErrnoException {
        writeSmall(address, value, 2);
    }

    void writeInt(long address, int value) throws ErrnoException {
        writeSmall(address, value, 4);
    }

    void writeLong(long address, long value) throws ErrnoException {
        writeSmall(address, value, 8);
    }

    private long readSmall(long address, int size) throws ErrnoException {
        check(address, size);
        if ((address & (PAGE_SIZE - 1)) <= PAGE_SIZE - size) {
            // What is read without the lock may be of a page that is just being taken away: then the lock tells.
            long stamp = mm.lock.tryOptimisticRead();
            if (stamp != 0) {
                long at = mm.tables.translate(address, false);
                if (at != NONE) {
                    long value = get(memory, at, size);
                    if (mm.lock.validate(stamp)) {
                        return value;
                    }
                }
            }
        }
        MemorySegment buffer = MemorySegment.ofArray(new byte[8]);
        if (copyInSome(address, buffer, 0, size) < size) {
            throw Errno.EFAULT.exception();
        }
        return get(buffer, 0, size);
    }

    private void writeSmall(long address, long value, int size) throws ErrnoException {
        check(address, size);
        if ((address & (PAGE_SIZE - 1)) <= PAGE_SIZE - size) {
            long stamp = mm.lock.readLock();
            try {
                long at = mm.tables.translate(address, true);
                if (at != NONE) {
                    set(memory, at, value, size);
                    return;
                }
            } finally {
                mm.lock.unlockRead(stamp);
            }
        }
        MemorySegment buffer = MemorySegment.ofArray(new byte[8]);
        set(buffer, 0, value, size);
        if (copyOutSome(address, buffer, 0, size) < size) {
            throw Errno.EFAULT.exception();
        }
    }

    private static long get(MemorySegment segment, long at, int size) {
        return switch (size) {
            case 1 -> segment.get(ValueLayout.JAVA_BYTE, at);
            case 2 -> segment.get(SHORT_AT, at);
            case 4 -> segment.get(INT_AT, at);
            default -> segment.get(LONG_AT, at);
        };
    }

    private static void set(MemorySegment segment, long at, long value, int size) {
        switch (size) {
            case 1 -> segment.set(ValueLayout.JAVA_BYTE, at, (byte) value);
            case 2 -> segment.set(SHORT_AT, at, (short) value);
            case 4 -> segment.set(INT_AT, at, (int) value);
            default -> segment.set(LONG_AT, at, value);
        }
    }

    /** An atomic operation on a word of the backing memory. */
    @FunctionalInterface
    private interface Atomic {
        int apply(long at);
    }

    int loadInt(long address) throws ErrnoException {
        return atomic(address, false, at -> (int) INT.getVolatile(memory, at));
    }

    int compareAndExchange(long address, int expected, int update) throws ErrnoException {
        return atomic(address, true, at -> (int) INT.compareAndExchange(memory, at, expected, update));
    }

    int getAndAdd(long address, int delta) throws ErrnoException {
        return atomic(address, true, at -> (int) INT.getAndAdd(memory, at, delta));
    }

    int getAndSet(long address, int update) throws ErrnoException {
        return atomic(address, true, at -> (int) INT.getAndSet(memory, at, update));
    }

    private int atomic(long address, boolean write, Atomic operation) throws ErrnoException {
        if ((address & 3) != 0) {
            throw Errno.EINVAL.exception();
        }
        check(address, 4);
        for (int faults = 0; faults < MAX_FAULTS; faults++) {
            long stamp = mm.lock.readLock();
            try {
                long at = mm.tables.translate(address, write);
                if (at != NONE) {
                    return operation.apply(at);
                }
            } finally {
                mm.lock.unlockRead(stamp);
            }
            if (!faultIn(address, write)) {
                break;
            }
        }
        throw Errno.EFAULT.exception();
    }

    MemoryLocation futexLocation(long address, boolean shared) throws ErrnoException {
        if ((address & 3) != 0) {
            throw Errno.EINVAL.exception();
        }
        check(address, 4);
        if (!shared) {
            return new MemoryLocation(mm, address);
        }
        long stamp = mm.lock.readLock();
        try {
            Vma area = mm.vmas.find(address);
            if (area == null || area.protection() == 0) {
                throw Errno.EFAULT.exception();
            }
            MappedFile file = area.file();
            return file != null && area.isShared()
                    ? new MemoryLocation(file.mappable(), area.offsetOf(address))
                    : new MemoryLocation(mm, address);
        } finally {
            mm.lock.unlockRead(stamp);
        }
    }
}
