package dev.stockade.gofer.tree;

import dev.stockade.gofer.abi.FileMode;

/**
 * What every kind of file has.
 *
 * @param permissions the low twelve bits of st_mode
 */
public record Metadata(int permissions, int uid, int gid, long mtimeNs) {
    public Metadata {
        permissions &= FileMode.PERMISSIONS;
    }

    /** Owned by root, from the epoch: for what is made by us and must be the same each time. */
    public static Metadata root(int permissions) {
        return new Metadata(permissions, 0, 0, 0);
    }
}
