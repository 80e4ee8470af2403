package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.platform.Machine;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/** What the address spaces of one sandbox share. Thread-safe. */
public final class AddressSpaces {
    private final Machine machine;
    private final FrameAllocator frames;
    private final RandomGenerator random;
    private final KernelHeap heap;
    private final PageTableAllocator pageTables;
    private final AtomicLong sharedInodes = new AtomicLong();
    private volatile int eagerForkPages = AddressSpaceCopy.EAGER_PAGES;
    private volatile Runnable outOfMemory = () -> {};

    /** Without a limit on what the kernel keeps for them on its heap: for tests. */
    public AddressSpaces(Machine machine, FrameAllocator frames, RandomGenerator random) {
        this(machine, frames, random, new KernelHeap(Long.MAX_VALUE >>> 1));
    }

    /**
     * @param random where address space layout randomisation takes its bits from; thread-safe
     * @param heap the account of mappings
     */
    public AddressSpaces(Machine machine, FrameAllocator frames, RandomGenerator random, KernelHeap heap) {
        this.machine = machine;
        this.frames = frames;
        this.random = random;
        this.heap = heap;
        this.pageTables = new PageTableAllocator(machine, frames);
    }

    public Machine machine() {
        return machine;
    }

    public FrameAllocator frames() {
        return frames;
    }

    /**
     * What is called when the kernel touches guest memory for a system call and the sandbox is at its memory limit;
     * the call then fails with EFAULT, as on Linux when the task is about to be killed. Called by the task thread
     * without locks of {@code mm}; picks a victim and only marks it.
     */
    public void onOutOfMemory(Runnable handler) {
        outOfMemory = handler;
    }

    /**
     * An empty address space with one user.
     *
     * @param randomize address space layout randomisation
     * @throws ErrnoException ENOMEM
     */
    public MemoryManager create(MemoryLimits limits, boolean randomize) throws ErrnoException {
        return new MemoryManager(this, Layout.make(random, randomize, limits.stack()), limits);
    }

    /** Where address space layout randomisation takes its bits from. */
    public RandomGenerator random() {
        return random;
    }

    int eagerForkPages() {
        return eagerForkPages;
    }

    void setEagerForkPages(int pages) {
        eagerForkPages = pages;
    }

    KernelHeap heap() {
        return heap;
    }

    PageTableAllocator pageTables() {
        return pageTables;
    }

    long nextSharedInode() {
        return sharedInodes.incrementAndGet();
    }

    void outOfMemory() {
        outOfMemory.run();
    }
}
