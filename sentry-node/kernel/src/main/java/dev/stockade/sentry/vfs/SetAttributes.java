package dev.stockade.sentry.vfs;

/**
 * What setattr changes (Linux's struct iattr), already checked for permission.
 *
 * @param mask which of the others are set
 * @param mode permission bits only
 */
public record SetAttributes(int mask, int mode, int uid, int gid, long atimeNs, long mtimeNs) {
    public static final int MODE = 1;
    public static final int UID = 2;
    public static final int GID = 4;
    public static final int ATIME = 8;
    public static final int MTIME = 16;

    public static SetAttributes ofMode(int mode) {
        return new SetAttributes(MODE, mode, 0, 0, 0, 0);
    }

    public boolean has(int bit) {
        return (mask & bit) != 0;
    }
}
