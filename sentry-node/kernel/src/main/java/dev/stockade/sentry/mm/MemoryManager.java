package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An address space (Linux's mm_struct). Shared by the tasks of a thread group and by vfork children. Thread-safe; see
 * the package comment for locks.
 *
 * <p>Addresses and lengths are the guest's: any value is allowed and gives the errno that Linux gives. Created with one
 * user; the last {@link #decUsers} tears it down, so no task that uses it may run any more then.
 */
public abstract class MemoryManager {
    MemoryManager() {}

    // ---- Life

    /** Another task uses this address space (CLONE_VM). */
    public abstract void incUsers();

    /** Like {@link #incUsers()} for someone who holds no use of it (/proc/pid/...): false if it is already gone. */
    public abstract boolean tryIncUsers();

    /** A task stopped using it; the last one frees everything. */
    public abstract void decUsers();

    /**
     * A copy for a new process (fork(2)), with one user.
     *
     * @throws ErrnoException ENOMEM
     */
    public abstract MemoryManager fork() throws ErrnoException;

    /** The frame of the PML4, for {@link dev.stockade.sentry.platform.Context#run}. */
    public abstract long rootFrame();

    /** The limits of the group that uses it; set again after setrlimit(2). */
    public abstract void setLimits(MemoryLimits limits);

    public abstract ProcessImage image();

    public abstract void setImage(ProcessImage image);

    // ---- Page faults

    /**
     * Handles a page fault of guest code. May block for a file.
     *
     * @param address CR2
     * @param errorCode as the processor pushed it
     */
    public abstract FaultResult handleFault(long address, long errorCode);

    // ---- Mappings

    /**
     * mmap(2).
     *
     * @param prot PROT_*
     * @param flags MAP_*
     * @param file null for MAP_ANONYMOUS; a reference is not taken (the mapping keeps the {@code Mappable})
     */
    public abstract long mmap(
            long address, long length, int prot, int flags, @Nullable FileDescription file, long offset)
            throws ErrnoException;

    public abstract void munmap(long address, long length) throws ErrnoException;

    public abstract void mprotect(long address, long length, int prot) throws ErrnoException;

    public abstract long mremap(long oldAddress, long oldSize, long newSize, int flags, long newAddress)
            throws ErrnoException;

    /** brk(2) as the system call does it: returns the new break, or the old one if it can't be changed. */
    public abstract long brk(long address);

    public abstract void madvise(long address, long length, int advice) throws ErrnoException;

    public abstract void mincore(long address, long length, long vector) throws ErrnoException;

    public abstract void msync(long address, long length, int flags) throws ErrnoException;

    /** mlock2(2). */
    public abstract void mlock(long address, long length, int flags) throws ErrnoException;

    public abstract void munlock(long address, long length) throws ErrnoException;

    public abstract void mlockall(int flags) throws ErrnoException;

    public abstract void munlockall() throws ErrnoException;

    // ---- Access to guest memory. Every access is checked as a user access; EFAULT where Linux gives EFAULT.

    /** Copies all or throws EFAULT (some bytes may have been copied then). */
    public abstract void copyIn(long address, MemorySegment destination, long offset, long length)
            throws ErrnoException;

    public abstract void copyOut(long address, MemorySegment source, long offset, long length) throws ErrnoException;

    public final void copyIn(long address, byte[] destination) throws ErrnoException {
        copyIn(address, MemorySegment.ofArray(destination), 0, destination.length);
    }

    public final void copyOut(long address, byte[] source) throws ErrnoException {
        copyOut(address, MemorySegment.ofArray(source), 0, source.length);
    }

    /**
     * A string without its NUL.
     *
     * @param limitBytes with the NUL
     * @throws ErrnoException EFAULT; ENAMETOOLONG if there is no NUL in {@code limitBytes}
     */
    public abstract byte[] copyInString(long address, int limitBytes) throws ErrnoException;

    /** Writes zeros: all or EFAULT. */
    public abstract void clear(long address, long length) throws ErrnoException;

    public abstract byte readByte(long address) throws ErrnoException;

    public abstract short readShort(long address) throws ErrnoException;

    public abstract int readInt(long address) throws ErrnoException;

    public abstract long readLong(long address) throws ErrnoException;

    public abstract void writeByte(long address, byte value) throws ErrnoException;

    public abstract void writeShort(long address, short value) throws ErrnoException;

    public abstract void writeInt(long address, int value) throws ErrnoException;

    public abstract void writeLong(long address, long value) throws ErrnoException;

    /** Where a read of {@code length} bytes to {@code address} puts them. Never throws for a bad address; putting does. */
    public abstract IoSink sink(long address, long length);

    public abstract IoSource source(long address, long length);

    public abstract IoSink sink(List<IoVector> vectors);

    public abstract IoSource source(List<IoVector> vectors);

    // ---- Futexes

    /**
     * The word at {@code address} as a futex names it.
     *
     * @param shared false for FUTEX_PRIVATE_FLAG
     * @throws ErrnoException EINVAL if not aligned to 4, EFAULT
     */
    public abstract MemoryLocation futexLocation(long address, boolean shared) throws ErrnoException;

    /** The word at {@code address} (4-aligned), as an acquire load. */
    public abstract int loadInt(long address) throws ErrnoException;

    /** Sets the word if it is {@code expected}; returns what it was. Sequentially consistent with guest atomics. */
    public abstract int compareAndExchangeInt(long address, int expected, int update) throws ErrnoException;

    public abstract int getAndAddInt(long address, int delta) throws ErrnoException;

    public abstract int getAndSetInt(long address, int update) throws ErrnoException;

    // ---- Enumeration

    /** In ascending order of addresses. */
    public abstract List<MappingInfo> mappings();

    public abstract MemoryUsage usage();
}
