package dev.stockade.sentry.vfs;

/**
 * File attributes as stat(2) and statx(2) show them.
 *
 * @param device device number of the file system, as makedev(3)
 * @param mode type and permission bits
 * @param rdev device number of a device node
 * @param size bytes
 * @param blocks units of 512 bytes
 * @param atimeNs nanoseconds since the epoch
 */
public record Stat(
        long device,
        long ino,
        int mode,
        int nlink,
        int uid,
        int gid,
        long rdev,
        long size,
        int blockSize,
        long blocks,
        long atimeNs,
        long mtimeNs,
        long ctimeNs) {}
