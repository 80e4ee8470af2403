package dev.stockade.sentry.mm;

import java.util.random.RandomGenerator;

/**
 * Where an address space puts things (arch/x86/mm/mmap.c). Immutable.
 *
 * @param mmapBase mappings without an address go below it, from the top down
 * @param stackTop the initial stack ends here
 */
record Layout(long mmapBase, long stackTop) {
    /** The first address that user space can't have: TASK_SIZE. */
    static final long TASK_SIZE = (1L << 47) - PageTables.PAGE_SIZE;

    /** sysctl vm.mmap_min_addr. */
    static final long MIN_ADDRESS = 0x1_0000;

    /** stack_guard_gap: nothing is mapped so close below a stack. */
    static final long STACK_GUARD_GAP = 256 * PageTables.PAGE_SIZE;

    private static final long MIN_GAP = 128L << 20;
    private static final long MAX_GAP = TASK_SIZE / 6 * 5;

    /** Random bits: 28 of the mapping base, 22 of the stack, in pages. */
    private static final long MMAP_RANDOM = (1L << 28) - 1;

    private static final long STACK_RANDOM = (1L << 22) - 1;

    static Layout make(RandomGenerator random, boolean randomize, long stackLimit) {
        long stackTop = TASK_SIZE;
        long gap = Long.compareUnsigned(stackLimit, MAX_GAP) > 0 ? MAX_GAP : stackLimit;
        long pad = STACK_GUARD_GAP;
        long shift = 0;
        if (randomize) {
            stackTop -= (random.nextLong() & STACK_RANDOM) << PageTables.PAGE_SHIFT;
            pad += (STACK_RANDOM + 1) << PageTables.PAGE_SHIFT;
            shift = (random.nextLong() & MMAP_RANDOM) << PageTables.PAGE_SHIFT;
        }
        gap = Math.min(Math.max(gap + pad, MIN_GAP), MAX_GAP);
        return new Layout(pageDown(TASK_SIZE - gap - shift), stackTop);
    }

    static long pageDown(long address) {
        return address & -PageTables.PAGE_SIZE;
    }

    /** Rounds up; wraps to 0 (or a small number) near 2^64 as Linux's PAGE_ALIGN does. */
    static long pageUp(long length) {
        return (length + PageTables.PAGE_SIZE - 1) & -PageTables.PAGE_SIZE;
    }

    static boolean isPageAligned(long address) {
        return (address & (PageTables.PAGE_SIZE - 1)) == 0;
    }

    /** Whether all of [address, address + length) may be user addresses (access_ok). */
    static boolean isUserRange(long address, long length) {
        return address >= 0 && length >= 0 && length <= TASK_SIZE && address <= TASK_SIZE - length;
    }
}
