/**
 * The virtual file system: mounts, dentries, path resolution, file descriptions. Knows no file system and no task;
 * what an operation needs of its caller comes as a {@link dev.stockade.sentry.vfs.VfsContext}.
 * Uses {@code abi}, {@code auth}, {@code memory} and {@code waiter}.
 *
 * <p>Lock order, outermost first:
 *
 * <pre>
 * RegularFile position, DirectoryFile
 *   Filesystem.renameLock
 *     Dentry (a directory's names): an ancestor before its descendants
 *       locks of the file system's namespace (overlay before tmpfs)
 *         MountNamespace
 *         Inode I/O lock (serialises writers and size changes)
 *           mm locks (a copy from or to guest memory may fault; invalidating mappings)
 *             Inode page index
 *               FrameAllocator, DentryCache, FileLocks, WaitQueue: leaves
 * </pre>
 *
 * <p>So {@code mm} may call {@link dev.stockade.sentry.vfs.Mappable#mapPage} with its locks held, and must not call
 * anything else of this package with them.
 */
@NullMarked
package dev.stockade.sentry.vfs;

import org.jspecify.annotations.NullMarked;
