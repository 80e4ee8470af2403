/**
 * Files in memory (tmpfs(5)): contents live in the sandbox's frames, directories on the heap, both charged. Serves
 * /tmp, /dev and the upper layer of overlays. Uses {@code abi}, {@code memory} and {@code vfs}; knows none of the other
 * file systems.
 *
 * <p>Locks, within those of {@code vfs}: the namespace lock of an instance (all its directories and link counts);
 * a file's I/O lock, then a file's page lock. No two of the first kinds are held together.
 */
@NullMarked
package dev.stockade.sentry.fs.tmpfs;

import org.jspecify.annotations.NullMarked;
