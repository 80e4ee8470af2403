package dev.stockade.sentry.platform;

import dev.stockade.sentry.memory.SandboxMemory;

/**
 * The virtual machine of one sandbox: its backing memory and what can run on it. Thread-safe.
 *
 * <p>Guest page tables are x86-64's four-level format in {@link #memory()}, written by {@code mm.PageTables};
 * an entry's address bits are the frame's offset in the backing memory plus {@link #guestPhysicalBase()}.
 * Hosts with shadow paging do not see that a <em>present</em> entry was cleared or lost rights, so whoever does that
 * calls {@link #revoke} before the frame is used for anything else or the guest may rely on the loss.
 */
public interface Machine extends AutoCloseable {
    SandboxMemory memory();

    /** Guest-physical address of the backing memory's first byte. */
    long guestPhysicalBase();

    /**
     * Writes the platform's own mappings (upper half: entry stub, descriptor tables, ...) into a new root table.
     *
     * @param rootFrame offset of a zeroed frame in the backing memory that becomes a PML4
     */
    void installKernelMappings(long rootFrame);

    /**
     * Makes every vCPU forget translations to these frames that the page tables no longer give. Returns when no
     * guest instruction can use a stale one. Contents are kept.
     *
     * @param frameOffset offset in the backing memory, page-aligned
     * @param lengthBytes a multiple of 4096
     */
    void revoke(long frameOffset, long lengthBytes);

    /**
     * Called after page-table frames of a dead address space were taken out of use and before they are used again as
     * page tables or data: drops whatever the host caches for page tables. Rare and slow (hundreds of microseconds);
     * callers batch. On platforms with nested paging it does nothing.
     */
    void forgetPageTables();

    /** A new context; close it when its task is gone. */
    Context newContext();

    /** Ends all contexts (none may be in run) and gives the memory back to the host. Idempotent. */
    @Override
    void close();
}
