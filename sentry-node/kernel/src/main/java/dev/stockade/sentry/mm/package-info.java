/**
 * Address spaces of guest processes: VMAs, page tables, page faults, access to guest memory by the kernel. Knows no
 * task; uses {@code abi}, {@code memory}, {@code platform} and {@code vfs} ({@link dev.stockade.sentry.vfs.Mappable}).
 *
 * <p>Lock order:
 * <pre>
 * locks of tasks, file descriptors, file systems (whatever a caller of MemoryManager holds)
 *   MemoryManager.lock of the parent
 *     MemoryManager.lock of the child (fork only)
 *       SharedAnonymous
 *       PageTableAllocator
 *         Machine (revoke, forgetPageTables)
 *         FrameAllocator
 * </pre>
 *
 * <p>{@code MemoryManager.lock} is a read-write lock. Reading it: translating and copying (copyIn, copyOut, sinks,
 * sources, atomics), enumeration. Writing it: everything that changes a VMA or a page-table entry. It is never held
 * while something blocks: {@code Mappable.mapPage}, {@code incrementMapping}, {@code decrementMapping} and whatever
 * else may wait for a file are called without it, and what was looked up before is checked again afterwards. So a
 * caller may hold any lock while it copies, except one that {@code mapPage} of some file needs: guest memory may be a
 * mapping of that very file.
 *
 * <p>A thread that faults while another unmaps either finds the VMA and installs its page before the other clears it,
 * or finds no VMA. An entry that was present and is cleared or loses rights is revoked
 * ({@link dev.stockade.sentry.platform.Machine#revoke}) before the lock is released and before its frame's reference
 * is dropped, so no other thread can still reach the frame once it is used for something else.
 */
@NullMarked
package dev.stockade.sentry.mm;

import org.jspecify.annotations.NullMarked;
