package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.MappingListener;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/**
 * An address space (Linux's mm_struct). Shared by the tasks of a thread group and by vfork children. Thread-safe; see
 * the package comment for locks.
 *
 * <p>Addresses and lengths are the guest's: any value is allowed and gives the errno that Linux gives. Created with one
 * user; the last {@link #decUsers} tears it down, so no task that uses it may run any more then.
 */
public final class MemoryManager {
    public static final long PAGE_SIZE = PageTables.PAGE_SIZE;

    /** The first address that user space can't have. */
    public static final long TASK_SIZE = Layout.TASK_SIZE;

    final AddressSpaces spaces;
    final FrameAllocator frames;
    final Layout layout;
    final StampedLock lock = new StampedLock();

    /** Guarded by {@link #lock}, as are the three below. */
    final VmaSet vmas;

    final PageTables tables;
    final PageEntries entries;
    private final Change change;
    private final RevocationBatch revocations;

    final Faults faults;
    final UserAccess access;
    final MappingListener listener = this::invalidate;
    private final Mappings mappings;
    private final Remap remap;
    private final Advice advice;
    private final AtomicInteger users = new AtomicInteger(1);

    /** Guarded by {@link #lock}: the program break. */
    long startBrk;

    volatile long brk;

    /** Guarded by {@link #lock}: how often files took pages away. */
    long invalidations;

    /** Guarded by {@link #lock}: Vma.LOCKED and Vma.LOCKONFAULT after mlockall(MCL_FUTURE). */
    int lockedByDefault;

    private volatile MemoryLimits limits;
    private volatile ProcessImage image = ProcessImage.NONE;

    /** Guarded by {@link #lock}. */
    private long peakVirtual;

    private long peakResidentPages;

    MemoryManager(AddressSpaces spaces, Layout layout, MemoryLimits limits) throws ErrnoException {
        this.spaces = spaces;
        this.frames = spaces.frames();
        this.layout = layout;
        this.limits = limits;
        this.vmas = new VmaSet(spaces.heap());
        this.tables = new PageTables(spaces.machine(), spaces.pageTables());
        this.revocations = new RevocationBatch(spaces.machine(), frames);
        this.entries = new PageEntries(tables, frames, revocations);
        this.change = new Change(this, revocations);
        this.faults = new Faults(this);
        this.access = new UserAccess(this);
        this.mappings = new Mappings(this);
        this.remap = new Remap(this, mappings);
        this.advice = new Advice(this);
    }

    /** Takes the lock for writing until the result is closed. */
    Change change() {
        change.begin(lock.writeLock());
        return change;
    }

    /** With the lock held for writing. */
    void notePeaks() {
        peakVirtual = Math.max(peakVirtual, vmas.totalBytes());
        peakResidentPages = Math.max(peakResidentPages, entries.residentPages());
    }

    // ---- Life

    /** Another task uses this address space (CLONE_VM). */
    public void incUsers() {
        if (!tryIncUsers()) {
            throw new IllegalStateException("address space already gone");
        }
    }

    /** Like {@link #incUsers()} for someone who holds no use of it (/proc/pid/...): false if it is already gone. */
    public boolean tryIncUsers() {
        for (; ; ) {
            int n = users.get();
            if (n == 0) {
                return false;
            }
            if (users.compareAndSet(n, n + 1)) {
                return true;
            }
        }
    }

    /** A task stopped using it; the last one frees everything. */
    public void decUsers() {
        int left = users.decrementAndGet();
        if (left < 0) {
            throw new IllegalStateException("address space released twice");
        }
        if (left == 0) {
            tearDown();
        }
    }

    private void tearDown() {
        try (Change c = change()) {
            for (int i = 0; i < vmas.size(); i++) {
                entries.abandon(vmas.get(i));
            }
            vmas.clear(c.released());
            revocations.flush();
            tables.destroy();
        }
    }

    /**
     * A copy for a new process (fork(2)), with one user.
     *
     * @throws ErrnoException ENOMEM
     */
    public MemoryManager fork() throws ErrnoException {
        MemoryManager child = new MemoryManager(spaces, layout, limits);
        Map<Mappable, MappedFile> files = new IdentityHashMap<>();
        boolean done = false;
        try {
            while (!done) {
                // The child has to hear of truncations before it has the first page of a file.
                for (Mappable file : mappables()) {
                    files.computeIfAbsent(file, f -> new MappedFile(f, child.listener));
                }
                done = copyTo(child, files);
            }
        } finally {
            if (!done) {
                child.decUsers();
            }
            for (MappedFile file : files.values()) {
                if (file.isUnused()) {
                    file.release();
                }
            }
        }
        return child;
    }

    /** False if another thread mapped a further file meanwhile. */
    private boolean copyTo(MemoryManager child, Map<Mappable, MappedFile> files) throws ErrnoException {
        try (Change _ = change();
                Change theirs = child.change()) {
            for (int i = 0; i < vmas.size(); i++) {
                MappedFile file = vmas.get(i).file();
                if (file != null && !files.containsKey(file.mappable())) {
                    return false;
                }
            }
            child.startBrk = startBrk;
            child.brk = brk;
            child.image = image;
            new AddressSpaceCopy(this, child, revocations, files).copy(theirs.released());
            return true;
        }
    }

    private Set<Mappable> mappables() {
        Set<Mappable> files = Collections.newSetFromMap(new IdentityHashMap<>());
        long stamp = lock.readLock();
        try {
            for (int i = 0; i < vmas.size(); i++) {
                MappedFile file = vmas.get(i).file();
                if (file != null) {
                    files.add(file.mappable());
                }
            }
        } finally {
            lock.unlockRead(stamp);
        }
        return files;
    }

    /** The pages of a range of a file are no longer the file's (truncate(2)). */
    private void invalidate(Mappable file, long from, long to) {
        try (Change _ = change()) {
            invalidations++;
            for (int i = 0; i < vmas.size(); i++) {
                Vma area = vmas.get(i);
                if (area.file() == null || area.file().mappable() != file) {
                    continue;
                }
                long first = Math.max(from, area.offset());
                long last = Math.min(to, area.offset() + area.length());
                if (first < last) {
                    long start = area.start() + (first - area.offset());
                    entries.zapFilePages(area, start, start + (last - first));
                }
            }
        }
    }

    /** The frame of the PML4, for {@link dev.stockade.sentry.platform.Context#run}. */
    public long rootFrame() {
        return tables.root();
    }

    /** The limits of the group that uses it; set again after setrlimit(2). With CAP_IPC_LOCK memlock is unlimited. */
    public void setLimits(MemoryLimits newLimits) {
        limits = newLimits;
    }

    MemoryLimits limits() {
        return limits;
    }

    public ProcessImage image() {
        return image;
    }

    public void setImage(ProcessImage newImage) {
        image = newImage;
    }

    /** Where the initial stack ends: the first address above it. */
    public long stackTop() {
        return layout.stackTop();
    }

    /** Sets where the heap begins (execve); both it and the present break. */
    public void setStartBrk(long address) {
        long stamp = lock.writeLock();
        try {
            startBrk = address;
            brk = address;
        } finally {
            lock.unlockWrite(stamp);
        }
    }

    // ---- Page faults

    /**
     * Handles a page fault of guest code. May block for a file.
     *
     * @param address CR2
     * @param errorCode as the processor pushed it
     */
    public FaultResult handleFault(long address, long errorCode) {
        return faults.handle(address, errorCode);
    }

    // ---- Mappings

    /**
     * mmap(2).
     *
     * @param prot PROT_*
     * @param flags MAP_*
     * @param file null for MAP_ANONYMOUS; a reference is not taken (the mapping keeps the {@code Mappable})
     */
    public long mmap(long address, long length, int prot, int flags, @Nullable FileDescription file, long offset)
            throws ErrnoException {
        return mappings.mmap(address, length, prot, flags, file, offset);
    }

    /** Maps a file for the kernel (execve): the open mode is not looked at. */
    public long mapFile(long address, long length, int prot, int flags, Mappable file, long offset)
            throws ErrnoException {
        return mappings.mapFile(address, length, prot, flags, file, offset);
    }

    public void munmap(long address, long length) throws ErrnoException {
        mappings.munmap(address, length);
    }

    public void mprotect(long address, long length, int prot) throws ErrnoException {
        mappings.mprotect(address, length, prot);
    }

    public long mremap(long oldAddress, long oldSize, long newSize, int flags, long newAddress) throws ErrnoException {
        return remap.mremap(oldAddress, oldSize, newSize, flags, newAddress);
    }

    /** brk(2) as the system call does it: returns the new break, or the old one if it can't be changed. */
    public long brk(long address) {
        return mappings.brk(address);
    }

    public void madvise(long address, long length, int advised) throws ErrnoException {
        advice.madvise(address, length, advised);
    }

    public void mincore(long address, long length, long vector) throws ErrnoException {
        advice.mincore(address, length, vector);
    }

    public void msync(long address, long length, int flags) throws ErrnoException {
        advice.msync(address, length, flags);
    }

    /** mlock2(2). */
    public void mlock(long address, long length, int flags) throws ErrnoException {
        advice.mlock(address, length, flags);
    }

    public void munlock(long address, long length) throws ErrnoException {
        advice.munlock(address, length);
    }

    public void mlockall(int flags) throws ErrnoException {
        advice.mlockall(flags);
    }

    public void munlockall() throws ErrnoException {
        advice.munlockall();
    }

    // ---- Access to guest memory. Every access is checked as a user access; EFAULT where Linux gives EFAULT.

    /** Copies all or throws EFAULT (some bytes may have been copied then). */
    public void copyIn(long address, MemorySegment destination, long offset, long length) throws ErrnoException {
        access.copyIn(address, destination, offset, length);
    }

    public void copyOut(long address, MemorySegment source, long offset, long length) throws ErrnoException {
        access.copyOut(address, source, offset, length);
    }

    public void copyIn(long address, byte[] destination) throws ErrnoException {
        access.copyIn(address, MemorySegment.ofArray(destination), 0, destination.length);
    }

    public void copyOut(long address, byte[] source) throws ErrnoException {
        access.copyOut(address, MemorySegment.ofArray(source), 0, source.length);
    }

    /**
     * A string without its NUL.
     *
     * @param limitBytes with the NUL
     * @throws ErrnoException EFAULT; ENAMETOOLONG if there is no NUL in {@code limitBytes}
     */
    public byte[] copyInString(long address, int limitBytes) throws ErrnoException {
        return access.copyInString(address, limitBytes);
    }

    /** Writes zeros: all or EFAULT. */
    public void clear(long address, long length) throws ErrnoException {
        access.clear(address, length);
    }

    public byte readByte(long address) throws ErrnoException {
        return access.readByte(address);
    }

    public short readShort(long address) throws ErrnoException {
        return access.readShort(address);
    }

    public int readInt(long address) throws ErrnoException {
        return access.readInt(address);
    }

    public long readLong(long address) throws ErrnoException {
        return access.readLong(address);
    }

    public void writeByte(long address, byte value) throws ErrnoException {
        access.writeByte(address, value);
    }

    public void writeShort(long address, short value) throws ErrnoException {
        access.writeShort(address, value);
    }

    public void writeInt(long address, int value) throws ErrnoException {
        access.writeInt(address, value);
    }

    public void writeLong(long address, long value) throws ErrnoException {
        access.writeLong(address, value);
    }

    /** Where a read of {@code length} bytes to {@code address} puts them. Never throws for a bad address; putting does. */
    public IoSink sink(long address, long length) {
        return sink(List.of(new IoVector(address, length)));
    }

    public IoSource source(long address, long length) {
        return source(List.of(new IoVector(address, length)));
    }

    public IoSink sink(List<IoVector> vectors) {
        return new UserBuffer.Sink(access, vectors);
    }

    public IoSource source(List<IoVector> vectors) {
        return new UserBuffer.Source(access, vectors);
    }

    // ---- Futexes

    /**
     * The word at {@code address} as a futex names it.
     *
     * @param shared false for FUTEX_PRIVATE_FLAG
     * @throws ErrnoException EINVAL if not aligned to 4, EFAULT
     */
    public MemoryLocation futexLocation(long address, boolean shared) throws ErrnoException {
        return access.futexLocation(address, shared);
    }

    /** The word at {@code address} (4-aligned), as a volatile load. */
    public int loadInt(long address) throws ErrnoException {
        return access.loadInt(address);
    }

    /** Sets the word if it is {@code expected}; returns what it was. Sequentially consistent with guest atomics. */
    public int compareAndExchangeInt(long address, int expected, int update) throws ErrnoException {
        return access.compareAndExchange(address, expected, update);
    }

    public int getAndAddInt(long address, int delta) throws ErrnoException {
        return access.getAndAdd(address, delta);
    }

    public int getAndSetInt(long address, int update) throws ErrnoException {
        return access.getAndSet(address, update);
    }

    // ---- Enumeration

    /**
     * In ascending order of addresses.
     *
     * @param residency false leaves the numbers of resident pages 0 (/proc/pid/maps), which is faster
     */
    public List<MappingInfo> mappings(boolean residency) {
        List<Vma> areas = new ArrayList<>();
        List<long[]> resident = new ArrayList<>();
        long heapStart;
        long heapEnd;
        long stamp = lock.readLock();
        try {
            heapStart = startBrk;
            heapEnd = brk;
            for (int i = 0; i < vmas.size(); i++) {
                Vma area = vmas.get(i);
                areas.add(area);
                if (residency) {
                    resident.add(new long[] {
                        entries.resident(area.start(), area.end(), false),
                        entries.resident(area.start(), area.end(), true)
                    });
                }
            }
        } finally {
            lock.unlockRead(stamp);
        }
        List<MappingInfo> result = new ArrayList<>(areas.size());
        for (int i = 0; i < areas.size(); i++) {
            Vma area = areas.get(i);
            MappedFile file = area.file();
            String name = "";
            if (file != null) {
                name = file.mappable().mappedName();
            } else if (area.start() < heapEnd && area.end() > heapStart) {
                name = "[heap]";
            } else if (area.start() <= image.startStack() && area.end() > image.startStack()) {
                name = "[stack]";
            }
            result.add(new MappingInfo(
                    area.start(),
                    area.end(),
                    area.protection(),
                    area.isShared(),
                    area.offset(),
                    file == null ? 0 : file.mappable().deviceNumber(),
                    file == null ? 0 : file.mappable().inodeNumber(),
                    name,
                    residency ? resident.get(i)[0] << PageTables.PAGE_SHIFT : 0,
                    residency ? resident.get(i)[1] << PageTables.PAGE_SHIFT : 0,
                    area.is(Vma.LOCKED)));
        }
        return result;
    }

    public MemoryUsage usage() {
        long stamp = lock.readLock();
        try {
            long stack = 0;
            long text = 0;
            for (int i = 0; i < vmas.size(); i++) {
                Vma area = vmas.get(i);
                if (area.is(Vma.GROWSDOWN)) {
                    stack += area.length();
                } else if (area.file() != null && area.is(Vma.EXEC) && !area.isWritable()) {
                    text += area.length();
                }
            }
            return new MemoryUsage(
                    vmas.totalBytes(),
                    peakVirtual,
                    entries.anonymousPages() << PageTables.PAGE_SHIFT,
                    entries.filePages() << PageTables.PAGE_SHIFT,
                    entries.sharedPages() << PageTables.PAGE_SHIFT,
                    peakResidentPages << PageTables.PAGE_SHIFT,
                    vmas.dataBytes(),
                    stack,
                    text,
                    vmas.lockedBytes(),
                    tables.sizeBytes());
        } finally {
            lock.unlockRead(stamp);
        }
    }
}
