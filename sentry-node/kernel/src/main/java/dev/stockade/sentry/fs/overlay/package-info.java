/**
 * The union of a read-only tree below and a writable one above (Documentation/filesystems/overlayfs.rst), as a sandbox's
 * root. Both layers are any {@link dev.stockade.sentry.vfs.Filesystem}; the upper one must be empty, is used by the
 * overlay alone, and keeps its inodes' identity as long as they have names (tmpfs does). Uses {@code abi} and
 * {@code vfs}; knows none of the other file systems.
 *
 * <p>Locks, within the dentry locks of {@code vfs}: an inode's copy-up lock (its monitor), a parent's never inside a
 * child's; then the locks of the upper file system.
 */
@NullMarked
package dev.stockade.sentry.fs.overlay;

import org.jspecify.annotations.NullMarked;
