package dev.stockade.sentry.memory;

/** Something that holds frames it can give up: a page cache's clean pages, page tables of dead address spaces. */
@FunctionalInterface
public interface Reclaimer {
    /**
     * Gives frames back to the {@link FrameAllocator} if it can without waiting. Called by whoever allocates, with
     * any locks held: it may only try to take locks.
     *
     * @return whether something was given back
     */
    boolean reclaim();
}
