package dev.stockade.gofer.tree;

import dev.stockade.gofer.abi.FileMode;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A file of an image as the guest sees it. Immutable once its tree is made.
 *
 * <p>Children of a directory are sorted by their names' bytes: that is the order in which they are listed.
 */
public final class Inode {
    private static final int BLOCK_BYTES = 4096;
    private static final int STAT_BLOCK_BYTES = 512;
    private static final byte[] NOTHING = {};

    private final long ino;
    private final int mode;
    private final Metadata metadata;
    private final long rdev;
    private final long size;
    private final byte[] payload; // a regular file's content digest or a symbolic link's target
    private int nlink; // written only while the tree is made
    private byte[][] names = {}; // written only while the tree is made
    private Inode[] children = {}; // written only while the tree is made

    private Inode(long ino, int type, Metadata metadata, long rdev, long size, byte[] payload) {
        this.ino = ino;
        this.mode = type | metadata.permissions();
        this.metadata = metadata;
        this.rdev = rdev;
        this.size = size;
        this.payload = payload;
        this.nlink = type == FileMode.S_IFDIR ? 2 : 1;
    }

    static Inode directory(long ino, Metadata metadata) {
        return new Inode(ino, FileMode.S_IFDIR, metadata, 0, BLOCK_BYTES, NOTHING);
    }

    static Inode regular(long ino, Metadata metadata, long size, byte[] digest) {
        return new Inode(ino, FileMode.S_IFREG, metadata, 0, size, digest);
    }

    static Inode symlink(long ino, Metadata metadata, byte[] target) {
        return new Inode(ino, FileMode.S_IFLNK, metadata, 0, target.length, target);
    }

    static Inode special(long ino, int type, Metadata metadata, long rdev) {
        return new Inode(ino, type, metadata, rdev, 0, NOTHING);
    }

    void link() {
        nlink++;
    }

    void children(byte[][] sortedNames, Inode[] inodes) {
        names = sortedNames;
        children = inodes;
        for (Inode child : inodes) {
            if (child.isDirectory()) {
                nlink++;
            }
        }
    }

    public long ino() {
        return ino;
    }

    /** Type and permission bits. */
    public int mode() {
        return mode;
    }

    public int type() {
        return FileMode.type(mode);
    }

    public boolean isDirectory() {
        return FileMode.isDirectory(mode);
    }

    public boolean isRegular() {
        return FileMode.isRegular(mode);
    }

    public boolean isSymlink() {
        return FileMode.isSymlink(mode);
    }

    public Metadata metadata() {
        return metadata;
    }

    public long rdev() {
        return rdev;
    }

    public long size() {
        return size;
    }

    public int nlink() {
        return nlink;
    }

    /** Blocks of 512 bytes. */
    public long blocks() {
        return isRegular() ? (size + BLOCK_BYTES - 1) / BLOCK_BYTES * (BLOCK_BYTES / STAT_BLOCK_BYTES) : 0;
    }

    /** The SHA-256 of a regular file's content; not to be changed. */
    public byte[] digest() {
        return isRegular() ? payload : NOTHING;
    }

    /** A symbolic link's target; not to be changed. */
    public byte[] target() {
        return isSymlink() ? payload : NOTHING;
    }

    /** The entry of that name in a directory, or null. */
    public @Nullable Inode child(byte[] name) {
        int i = Arrays.binarySearch(names, name, Arrays::compareUnsigned);
        return i < 0 ? null : children[i];
    }

    public int childCount() {
        return children.length;
    }

    public byte[] childName(int index) {
        return names[index];
    }

    public Inode childAt(int index) {
        return children[index];
    }
}
