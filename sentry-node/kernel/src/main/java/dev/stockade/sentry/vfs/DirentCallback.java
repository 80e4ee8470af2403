package dev.stockade.sentry.vfs;

/** Receives directory entries (getdents64(2)). */
@FunctionalInterface
public interface DirentCallback {
    /**
     * @param name without a slash
     * @param type DT_* of readdir(3)
     * @param nextOffset the position after this entry (d_off)
     * @return false to stop before this entry
     */
    boolean accept(byte[] name, long ino, int type, long nextOffset);
}
