package dev.stockade.sentry.vfs;

/**
 * Statistics of a file system as statfs(2) shows them.
 *
 * @param type the file system's magic number
 * @param blocks in units of {@code blockSize}
 */
public record StatFs(
        long type,
        long blockSize,
        long blocks,
        long blocksFree,
        long blocksAvailable,
        long files,
        long filesFree,
        int nameLength) {}
