package dev.stockade.sentry.fs.gofer;

/**
 * Attributes of a file as in stat(2).
 *
 * @param mode type and permission bits
 * @param rdev as makedev(3)
 * @param blocks of 512 bytes
 * @param atimeNs since the epoch, as the other times
 */
public record GoferAttr(
        long ino,
        int mode,
        int nlink,
        int uid,
        int gid,
        long rdev,
        long size,
        long blocks,
        long atimeNs,
        long mtimeNs,
        long ctimeNs) {

    private static final int S_IFMT = 0170000;
    private static final int S_IFDIR = 0040000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFLNK = 0120000;

    /** The type bits (S_IFMT) of {@link #mode}. */
    public int type() {
        return mode & S_IFMT;
    }

    public boolean isDirectory() {
        return type() == S_IFDIR;
    }

    public boolean isRegular() {
        return type() == S_IFREG;
    }

    public boolean isSymlink() {
        return type() == S_IFLNK;
    }
}
