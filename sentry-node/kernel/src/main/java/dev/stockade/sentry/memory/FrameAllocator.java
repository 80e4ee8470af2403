package dev.stockade.sentry.memory;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Hands out the 4 KiB frames of a sandbox's backing memory. A frame is named by its offset in that memory and counts
 * its references: copy-on-write copies, page caches and mappings share frames. Thread-safe; a leaf of the lock order
 * but for {@link Reclaimer}s, which are called without the allocator's lock.
 *
 * <p>A free frame is either <em>clean</em> (never touched or given back to the host: it reads as zeros and costs
 * nothing) or <em>dirty</em> (it still occupies host memory). Dirty frames are preferred: zeroing one takes some tens of
 * nanoseconds while touching a clean one makes the host fault a page in. When too many are dirty, most go back to the
 * host, sorted into contiguous runs.
 *
 * <p>The limit counts allocated frames, so it is what the sandbox really holds.
 */
public final class FrameAllocator {
    public static final int FRAME_SIZE = 4096;
    public static final int FRAME_SHIFT = 12;

    /** Reference counts are kept in chunks that are made when their first frame is allocated. */
    private static final int CHUNK_SHIFT = 10;

    private static final int CHUNK_FRAMES = 1 << CHUNK_SHIFT;

    /** More dirty free frames than this: give memory back to the host ... */
    private static final int DIRTY_HIGH = 512;

    /** ... until so many are left. */
    private static final int DIRTY_LOW = 192;

    /** A batch at least this large takes clean contiguous frames, which host and guest can map in large pieces. */
    private static final int CONTIGUOUS_BATCH = 64;

    private final SandboxMemory memory;
    private final MemorySegment segment;
    private final int totalFrames;
    private final AtomicReferenceArray<AtomicIntegerArray> references;
    private final List<Reclaimer> reclaimers = new CopyOnWriteArrayList<>();

    /** A set bit is a clean free frame. */
    @GuardedBy("this")
    private final long[] clean;

    /** No word of {@link #clean} below this one has a set bit. */
    @GuardedBy("this")
    private int cleanHint;

    @GuardedBy("this")
    private int[] dirty = new int[64];

    @GuardedBy("this")
    private int dirtyCount;

    /** Frames on their way back to the host, neither free nor allocated. */
    @GuardedBy("this")
    private int inFlight;

    @GuardedBy("this")
    private long usedFrames;

    @GuardedBy("this")
    private long peakFrames;

    @GuardedBy("this")
    private long limitFrames;

    /**
     * @param limitBytes what may be allocated at once; more than the memory's size means its size
     */
    public FrameAllocator(SandboxMemory memory, long limitBytes) {
        this.memory = memory;
        this.segment = memory.segment();
        long frames = memory.size() >>> FRAME_SHIFT;
        if (frames <= 0 || frames > Integer.MAX_VALUE - 64) {
            throw new IllegalArgumentException("backing memory of " + memory.size() + " bytes");
        }
        this.totalFrames = (int) frames;
        this.references = new AtomicReferenceArray<>((totalFrames + CHUNK_FRAMES - 1) >>> CHUNK_SHIFT);
        this.clean = new long[(totalFrames + 63) >>> 6];
        Arrays.fill(clean, -1L);
        if ((totalFrames & 63) != 0) {
            clean[clean.length - 1] = (1L << (totalFrames & 63)) - 1;
        }
        this.limitFrames = Math.min(limitBytes >>> FRAME_SHIFT, totalFrames);
    }

    public SandboxMemory memory() {
        return memory;
    }

    /** The backing memory; frame offsets are offsets in it. */
    public MemorySegment segment() {
        return segment;
    }

    /** Asked, in the order they were added, when the limit is reached. */
    public void addReclaimer(Reclaimer reclaimer) {
        reclaimers.add(reclaimer);
    }

    /**
     * A zeroed frame with one reference.
     *
     * @throws ErrnoException ENOMEM at the limit; the caller decides what that means (an error, an OOM kill)
     */
    public long allocate() throws ErrnoException {
        return allocateOne(true);
    }

    /** A frame with one reference and any contents of this sandbox's past: the caller overwrites all of it. */
    public long allocateUninitialized() throws ErrnoException {
        return allocateOne(false);
    }

    /**
     * Up to {@code count} frames with one reference each, at least one. Large batches are contiguous where possible.
     *
     * @param zeroed false if the caller overwrites all of them
     * @return how many were put into {@code frames}
     * @throws ErrnoException ENOMEM if there is not even one
     */
    public int allocate(long[] frames, int count, boolean zeroed) throws ErrnoException {
        if (count <= 0) {
            throw new IllegalArgumentException("allocate " + count);
        }
        int n = tryAllocate(frames, count, zeroed);
        while (n == 0) {
            if (!reclaim()) {
                throw Errno.ENOMEM.exception();
            }
            n = tryAllocate(frames, count, zeroed);
        }
        return n;
    }

    /**
     * A run of zeroed contiguous frames with one reference each.
     *
     * @param alignFrames a power of two
     * @return the offset of the first frame
     * @throws ErrnoException ENOMEM at the limit or if there is no such run
     */
    public long allocateRun(int count, int alignFrames) throws ErrnoException {
        for (; ; ) {
            long run = tryAllocateRun(count, alignFrames);
            if (run >= 0) {
                return run;
            }
            if (run == NO_RUN) {
                trim();
                run = tryAllocateRun(count, alignFrames);
                if (run >= 0) {
                    return run;
                }
            }
            if (!reclaim()) {
                throw Errno.ENOMEM.exception();
            }
        }
    }

    /** Takes another reference to an allocated frame; the caller already has one or holds what has one. */
    public void incRef(long frame) {
        int index = index(frame);
        AtomicIntegerArray chunk = chunk(index);
        int before = chunk.getAndIncrement(index & (CHUNK_FRAMES - 1));
        if (before <= 0) {
            throw new IllegalStateException("frame 0x" + Long.toHexString(frame) + " is free");
        }
    }

    /** Drops a reference; the last one frees the frame, to which no translation may be left. */
    public void decRef(long frame) {
        if (drop(frame)) {
            int[] excess;
            synchronized (this) {
                pushDirty(index(frame));
                usedFrames--;
                excess = excessDirty();
            }
            giveBack(excess);
        }
    }

    /** {@link #decRef} of the first {@code count} of {@code frames}. */
    public void decRef(long[] frames, int count) {
        int freed = 0;
        int[] free = new int[count];
        for (int i = 0; i < count; i++) {
            if (drop(frames[i])) {
                free[freed++] = index(frames[i]);
            }
        }
        if (freed == 0) {
            return;
        }
        int[] excess;
        synchronized (this) {
            for (int i = freed - 1; i >= 0; i--) {
                pushDirty(free[i]);
            }
            usedFrames -= freed;
            excess = excessDirty();
        }
        giveBack(excess);
    }

    /** How many references an allocated frame has. Exact only if nobody else can take or drop one. */
    public int references(long frame) {
        int index = index(frame);
        return chunk(index).get(index & (CHUNK_FRAMES - 1));
    }

    /** Gives all free memory back to the host. */
    public void trim() {
        int[] excess;
        synchronized (this) {
            excess = Arrays.copyOf(dirty, dirtyCount);
            dirtyCount = 0;
            inFlight += excess.length;
        }
        giveBack(excess);
    }

    /** Bytes that are allocated now. */
    public synchronized long usedBytes() {
        return usedFrames << FRAME_SHIFT;
    }

    /** The most that was ever allocated at once. */
    public synchronized long peakBytes() {
        return peakFrames << FRAME_SHIFT;
    }

    public synchronized long limitBytes() {
        return limitFrames << FRAME_SHIFT;
    }

    /** Free frames that still occupy host memory. */
    public synchronized long dirtyBytes() {
        return (long) dirtyCount << FRAME_SHIFT;
    }

    private static final long AT_LIMIT = -1;
    private static final long NO_RUN = -2;

    private long allocateOne(boolean zeroed) throws ErrnoException {
        for (; ; ) {
            int index;
            boolean isClean;
            synchronized (this) {
                awaitFrames();
                isClean = dirtyCount == 0;
                index = usedFrames >= limitFrames ? -1 : isClean ? takeClean() : dirty[--dirtyCount];
                if (index >= 0) {
                    charge(1);
                }
            }
            if (index >= 0) {
                return hand(index, zeroed && !isClean);
            }
            if (!reclaim()) {
                throw Errno.ENOMEM.exception();
            }
        }
    }

    private int tryAllocate(long[] frames, int count, boolean zeroed) {
        int n = 0;
        int dirtyTaken = 0;
        synchronized (this) {
            awaitFrames();
            int want = (int) Math.min(count, limitFrames - usedFrames);
            if (want >= CONTIGUOUS_BATCH) {
                int run = findRun(want, 1);
                if (run >= 0) {
                    takeRun(run, want);
                    for (; n < want; n++) {
                        frames[n] = (long) run + n;
                    }
                }
            }
            // The frames that need zeroing come first; clean ones follow in ascending order.
            while (n < want && dirtyCount > 0) {
                frames[n++] = dirty[--dirtyCount];
                dirtyTaken++;
            }
            while (n < want) {
                int index = takeClean();
                if (index < 0) {
                    break;
                }
                frames[n++] = index;
            }
            charge(n);
        }
        for (int i = 0; i < n; i++) {
            frames[i] = hand((int) frames[i], zeroed && i < dirtyTaken);
        }
        return n;
    }

    private long tryAllocateRun(int count, int alignFrames) {
        int run;
        synchronized (this) {
            if (count <= 0 || count > limitFrames - usedFrames) {
                return AT_LIMIT;
            }
            run = findRun(count, alignFrames);
            if (run < 0) {
                return NO_RUN;
            }
            takeRun(run, count);
            charge(count);
        }
        for (int i = 0; i < count; i++) {
            hand(run + i, false);
        }
        return (long) run << FRAME_SHIFT;
    }

    private boolean reclaim() {
        boolean some = false;
        for (Reclaimer r : reclaimers) {
            some |= r.reclaim();
        }
        return some;
    }

    private long hand(int index, boolean zero) {
        long frame = (long) index << FRAME_SHIFT;
        if (zero) {
            segment.asSlice(frame, FRAME_SIZE).fill((byte) 0);
        }
        if (!chunk(index).compareAndSet(index & (CHUNK_FRAMES - 1), 0, 1)) {
            throw new IllegalStateException("frame 0x" + Long.toHexString(frame) + " was handed out twice");
        }
        return frame;
    }

    /** Whether that was the last reference. */
    private boolean drop(long frame) {
        int index = index(frame);
        int left = chunk(index).decrementAndGet(index & (CHUNK_FRAMES - 1));
        if (left < 0) {
            throw new IllegalStateException("frame 0x" + Long.toHexString(frame) + " was freed twice");
        }
        return left == 0;
    }

    private int index(long frame) {
        if (frame < 0 || (frame & (FRAME_SIZE - 1)) != 0 || frame >>> FRAME_SHIFT >= totalFrames) {
            throw new IllegalArgumentException("no frame: 0x" + Long.toHexString(frame));
        }
        return (int) (frame >>> FRAME_SHIFT);
    }

    private AtomicIntegerArray chunk(int index) {
        int c = index >>> CHUNK_SHIFT;
        AtomicIntegerArray chunk = references.get(c);
        if (chunk == null) {
            AtomicIntegerArray made = new AtomicIntegerArray(CHUNK_FRAMES);
            chunk = references.compareAndExchange(c, null, made);
            if (chunk == null) {
                chunk = made;
            }
        }
        return chunk;
    }

    @GuardedBy("this")
    private void charge(int frames) {
        usedFrames += frames;
        peakFrames = Math.max(peakFrames, usedFrames);
    }

    /** Within the limit there is a frame, but it may be just going back to the host: waits for that. */
    @GuardedBy("this")
    private void awaitFrames() {
        boolean interrupted = false;
        while (inFlight > 0 && usedFrames < limitFrames && totalFrames - usedFrames == inFlight) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @GuardedBy("this")
    private int takeClean() {
        for (int w = cleanHint; w < clean.length; w++) {
            if (clean[w] != 0) {
                int bit = Long.numberOfTrailingZeros(clean[w]);
                clean[w] &= clean[w] - 1;
                cleanHint = w;
                return (w << 6) + bit;
            }
        }
        cleanHint = clean.length;
        return -1;
    }

    /** First fit. */
    @GuardedBy("this")
    private int findRun(int count, int alignFrames) {
        int run = 0;
        int start = -1;
        for (int i = cleanHint << 6; i < totalFrames; i++) {
            long word = clean[i >>> 6];
            if (word == 0) {
                run = 0;
                i |= 63;
            } else if ((word & (1L << (i & 63))) == 0) {
                run = 0;
            } else if (run > 0 || (i & (alignFrames - 1)) == 0) {
                if (run == 0) {
                    start = i;
                }
                if (word == -1L && (i & 63) == 0 && run + 64 <= count) {
                    run += 64;
                    i |= 63;
                } else {
                    run++;
                }
                if (run >= count) {
                    return start;
                }
            }
        }
        return -1;
    }

    @GuardedBy("this")
    private void takeRun(int start, int count) {
        for (int i = start; i < start + count; i++) {
            clean[i >>> 6] &= ~(1L << (i & 63));
        }
    }

    @GuardedBy("this")
    private void pushDirty(int index) {
        if (dirtyCount == dirty.length) {
            dirty = Arrays.copyOf(dirty, dirtyCount * 2);
        }
        dirty[dirtyCount++] = index;
    }

    /** The oldest of the dirty frames, if there are too many. */
    @GuardedBy("this")
    private int[] excessDirty() {
        if (dirtyCount <= DIRTY_HIGH) {
            return NOTHING;
        }
        int[] excess = Arrays.copyOf(dirty, dirtyCount - DIRTY_LOW);
        System.arraycopy(dirty, excess.length, dirty, 0, DIRTY_LOW);
        dirtyCount = DIRTY_LOW;
        inFlight += excess.length;
        return excess;
    }

    private static final int[] NOTHING = new int[0];

    /** Without the lock: the frames are neither free nor allocated meanwhile. */
    private void giveBack(int[] frames) {
        if (frames.length == 0) {
            return;
        }
        Arrays.sort(frames);
        boolean released = false;
        try {
            for (int i = 0; i < frames.length; ) {
                int j = i + 1;
                while (j < frames.length && frames[j] == frames[j - 1] + 1) {
                    j++;
                }
                memory.release((long) frames[i] << FRAME_SHIFT, (long) (j - i) << FRAME_SHIFT);
                i = j;
            }
            released = true;
        } finally {
            synchronized (this) {
                inFlight -= frames.length;
                if (released) {
                    for (int f : frames) {
                        clean[f >>> 6] |= 1L << (f & 63);
                    }
                    cleanHint = Math.min(cleanHint, frames[0] >>> 6);
                }
                notifyAll();
            }
        }
    }
}
