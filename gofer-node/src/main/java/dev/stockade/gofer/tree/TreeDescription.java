package dev.stockade.gofer.tree;

import dev.stockade.gofer.abi.FileMode;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * The canonical description of a tree, byte for byte: the same tree has the same description whatever archive it came
 * from, and its SHA-256 is the image's id. It is also the file that a store keeps, so a damaged one is found out.
 *
 * <pre>
 * description := "stockade-tree-1\n" node            big-endian numbers, no padding
 * node        := tag:u8 permissions:u16 uid:u32 gid:u32 mtime_ns:s64 rest
 *              | 'h' ino:u64                          another name of the node with that ino
 * rest        := 'f': size:u64 sha256:32 bytes
 *              | 'l': length:u16 target
 *              | 'd': count:u32 (length:u8 name node)*  sorted by the bytes of the names
 *              | 'c', 'b', 'p', 's': rdev:u64
 * </pre>
 *
 * The ino of a node is its place among the nodes that are not 'h', from 1, which is the root.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record TreeDescription(byte[] bytes) {
    static final int HARD_LINK = 'h';
    static final int DIGEST_BYTES = 32;
    /** Deeper than any path of PATH_MAX bytes: keeps a forged description from overflowing the stack. */
    private static final int MAX_DEPTH = 2100;

    private static final byte[] MAGIC = "stockade-tree-1\n".getBytes(StandardCharsets.US_ASCII);
    private static final String ID_PREFIX = "sha256:";

    static byte[] magic() {
        return MAGIC.clone();
    }

    /** "sha256:" and 64 hexadecimal digits. */
    public String id() {
        return ID_PREFIX + HexFormat.of().formatHex(sha256().digest(bytes));
    }

    public static boolean isId(String id) {
        return id.length() == ID_PREFIX.length() + 2 * DIGEST_BYTES
                && id.startsWith(ID_PREFIX)
                && id.chars().skip(ID_PREFIX.length()).allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    }

    public static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    static int tag(int type) {
        return switch (type) {
            case FileMode.S_IFREG -> 'f';
            case FileMode.S_IFLNK -> 'l';
            case FileMode.S_IFDIR -> 'd';
            case FileMode.S_IFCHR -> 'c';
            case FileMode.S_IFBLK -> 'b';
            case FileMode.S_IFIFO -> 'p';
            case FileMode.S_IFSOCK -> 's';
            default -> throw new IllegalArgumentException("no file type: " + Integer.toOctalString(type));
        };
    }

    /** The tree that this describes. */
    public ImageTree parse() throws TreeException {
        return new Parser(ByteBuffer.wrap(bytes)).tree(id());
    }

    private static final class Parser {
        private final ByteBuffer in;
        private final List<Inode> inodes = new ArrayList<>();
        private long contentBytes;

        Parser(ByteBuffer in) {
            this.in = in;
        }

        ImageTree tree(String id) throws TreeException {
            try {
                if (!Arrays.equals(take(MAGIC.length), MAGIC)) {
                    throw new TreeException("not a tree description");
                }
                Inode root = node(0);
                if (!root.isDirectory() || in.hasRemaining()) {
                    throw new TreeException("the tree description has no root directory or something after it");
                }
                return new ImageTree(id, root, inodes.size(), contentBytes);
            } catch (BufferUnderflowException e) {
                throw new TreeException("the tree description is cut short");
            }
        }

        private byte[] take(int length) {
            if (length > in.remaining()) {
                throw new BufferUnderflowException();
            }
            byte[] taken = new byte[length];
            in.get(taken);
            return taken;
        }

        private Inode node(int depth) throws TreeException {
            int tag = in.get();
            if (tag == HARD_LINK) {
                long ino = in.getLong();
                if (ino < 1 || ino > inodes.size() || inodes.get((int) ino - 1).isDirectory()) {
                    throw new TreeException("a hard link to nothing");
                }
                Inode inode = inodes.get((int) ino - 1);
                inode.link();
                return inode;
            }
            if (depth > MAX_DEPTH) {
                throw new TreeException("directories are nested too deep");
            }
            Metadata metadata = new Metadata(in.getShort(), in.getInt(), in.getInt(), in.getLong());
            long ino = inodes.size() + 1L;
            Inode inode = switch (tag) {
                case 'f' -> {
                    long size = in.getLong();
                    contentBytes += size;
                    yield Inode.regular(ino, metadata, size, take(DIGEST_BYTES));
                }
                case 'l' -> Inode.symlink(ino, metadata, take(in.getShort() & 0xffff));
                case 'd' -> Inode.directory(ino, metadata);
                case 'c' -> Inode.special(ino, FileMode.S_IFCHR, metadata, in.getLong());
                case 'b' -> Inode.special(ino, FileMode.S_IFBLK, metadata, in.getLong());
                case 'p' -> Inode.special(ino, FileMode.S_IFIFO, metadata, in.getLong());
                case 's' -> Inode.special(ino, FileMode.S_IFSOCK, metadata, in.getLong());
                default -> throw new TreeException("an entry of no known type");
            };
            inodes.add(inode);
            if (tag == 'd') {
                children(inode, in.getInt(), depth);
            }
            return inode;
        }

        private void children(Inode directory, int count, int depth) throws TreeException {
            if (count < 0 || count > in.remaining()) {
                throw new BufferUnderflowException();
            }
            byte[][] names = new byte[count][];
            Inode[] children = new Inode[count];
            for (int i = 0; i < count; i++) {
                byte[] name = take(in.get() & 0xff);
                if (i > 0 && Arrays.compareUnsigned(names[i - 1], name) >= 0) {
                    throw new TreeException("entries are not in order");
                }
                names[i] = name;
                children[i] = node(depth + 1);
            }
            directory.children(names, children);
        }
    }
}
