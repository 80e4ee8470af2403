/**
 * The virtual file system: mounts, dentries, path resolution, file descriptions. Knows no file system and no task;
 * what an operation needs of its caller comes as a {@link dev.stockade.sentry.vfs.VfsContext}.
 * Uses {@code abi}, {@code auth}, {@code memory} and {@code waiter}.
 */
@NullMarked
package dev.stockade.sentry.vfs;

import org.jspecify.annotations.NullMarked;
