package dev.stockade.gofer.tree;

import dev.stockade.gofer.abi.FileMode;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Collects the entries of a tree in any order, as an archive gives them, and refuses what no honest archive has:
 * absolute paths, "..", entries beneath something that is no directory (such as a symbolic link made before), links
 * to what is not there. A later entry replaces an earlier one of the same path unless one of them is a directory.
 *
 * <p>Not thread-safe.
 */
public final class TreeBuilder {
    private static final int DEFAULT_DIRECTORY_PERMISSIONS = 0755;

    private final TreeLimits limits;
    private final Entry root = new Entry(FileMode.S_IFDIR, Metadata.root(DEFAULT_DIRECTORY_PERMISSIONS));
    private int files = 1;

    public TreeBuilder(TreeLimits limits) {
        this.limits = limits;
    }

    /** A node under construction; links to the same file share one. */
    private static final class Entry {
        final int type;
        Metadata metadata;
        long size;
        long rdev;
        byte[] payload = {};
        final TreeMap<byte[], Entry> children = new TreeMap<>(Arrays::compareUnsigned);

        Entry(int type, Metadata metadata) {
            this.type = type;
            this.metadata = metadata;
        }
    }

    /** Makes a directory, or gives an existing one these attributes. */
    public void directory(byte[] path, Metadata metadata) throws TreeException {
        List<byte[]> names = split(path);
        if (names.isEmpty()) {
            root.metadata = metadata;
            return;
        }
        Entry parent = parentOf(names, path);
        Entry existing = parent.children.get(names.getLast());
        if (existing == null) {
            put(parent, names.getLast(), new Entry(FileMode.S_IFDIR, metadata));
        } else if (existing.type == FileMode.S_IFDIR) {
            existing.metadata = metadata;
        } else {
            throw new TreeException(show(path) + " is a directory here but was something else before");
        }
    }

    /** Makes a regular file whose content has that SHA-256. */
    public void file(byte[] path, Metadata metadata, long size, byte[] digest) throws TreeException {
        Entry entry = new Entry(FileMode.S_IFREG, metadata);
        entry.size = size;
        entry.payload = digest.clone();
        add(path, entry);
    }

    public void symlink(byte[] path, Metadata metadata, byte[] target) throws TreeException {
        if (target.length == 0 || target.length > TreeLimits.TARGET_BYTES || indexOf(target, (byte) 0) >= 0) {
            throw new TreeException(show(path) + " is a symbolic link with an empty, too long or malformed target");
        }
        Entry entry = new Entry(FileMode.S_IFLNK, metadata);
        entry.payload = target.clone();
        add(path, entry);
    }

    /**
     * Makes a device node, FIFO or socket; it exists in the description only.
     *
     * @param type one of the S_IFMT types
     */
    public void special(byte[] path, Metadata metadata, int type, long rdev) throws TreeException {
        Entry entry = new Entry(type, metadata);
        entry.rdev = rdev;
        add(path, entry);
    }

    /** Makes another name of a file that is there already and is no directory. */
    public void hardLink(byte[] path, byte[] existingPath) throws TreeException {
        List<byte[]> names = split(existingPath);
        Entry entry = root;
        for (byte[] name : names) {
            Entry next = entry.children.get(name);
            if (next == null) {
                throw new TreeException(show(path) + " is a hard link to " + show(existingPath)
                        + ", which is not in the archive before it");
            }
            entry = next;
        }
        if (entry.type == FileMode.S_IFDIR) {
            throw new TreeException(show(path) + " is a hard link to the directory " + show(existingPath));
        }
        List<byte[]> own = split(path);
        if (!own.isEmpty() && parentOf(own, path).children.get(own.getLast()) == entry) {
            return; // a link to itself says nothing new
        }
        add(path, entry);
    }

    private void add(byte[] path, Entry entry) throws TreeException {
        List<byte[]> names = split(path);
        if (names.isEmpty()) {
            throw new TreeException("the root is not a directory");
        }
        Entry parent = parentOf(names, path);
        Entry existing = parent.children.get(names.getLast());
        if (existing != null && existing.type == FileMode.S_IFDIR) {
            throw new TreeException(show(path) + " was a directory before and is something else here");
        }
        put(parent, names.getLast(), entry);
    }

    private void put(Entry parent, byte[] name, Entry entry) throws TreeException {
        if (parent.children.put(name, entry) == null && ++files > limits.files()) {
            throw new TreeException("more than " + limits.files() + " files");
        }
    }

    private Entry parentOf(List<byte[]> names, byte[] path) throws TreeException {
        Entry directory = root;
        for (byte[] name : names.subList(0, names.size() - 1)) {
            Entry next = directory.children.get(name);
            if (next == null) {
                next = new Entry(FileMode.S_IFDIR, Metadata.root(DEFAULT_DIRECTORY_PERMISSIONS));
                put(directory, name, next);
            } else if (next.type != FileMode.S_IFDIR) {
                throw new TreeException(show(path) + " lies beneath " + show(name) + ", which is "
                        + (next.type == FileMode.S_IFLNK ? "a symbolic link" : "no directory"));
            }
            directory = next;
        }
        return directory;
    }

    /** The names of a relative path; "." and empty ones say nothing. */
    private List<byte[]> split(byte[] path) throws TreeException {
        if (path.length > limits.pathBytes()) {
            throw new TreeException("a path of " + path.length + " bytes (at most " + limits.pathBytes() + "): "
                    + show(Arrays.copyOf(path, 64)) + "...");
        }
        if (path.length > 0 && path[0] == '/') {
            throw new TreeException(show(path) + " is an absolute path");
        }
        if (indexOf(path, (byte) 0) >= 0) {
            throw new TreeException(show(path) + " has a NUL in it");
        }
        List<byte[]> names = new ArrayList<>();
        int start = 0;
        for (int i = 0; i <= path.length; i++) {
            if (i < path.length && path[i] != '/') {
                continue;
            }
            byte[] name = Arrays.copyOfRange(path, start, i);
            start = i + 1;
            if (name.length == 0 || (name.length == 1 && name[0] == '.')) {
                continue;
            }
            if (name.length == 2 && name[0] == '.' && name[1] == '.') {
                throw new TreeException(show(path) + " has a \"..\" in it");
            }
            if (name.length > TreeLimits.NAME_BYTES) {
                throw new TreeException(
                        "a name of " + name.length + " bytes (at most " + TreeLimits.NAME_BYTES + ") in " + show(path));
            }
            names.add(name);
        }
        return names;
    }

    private static int indexOf(byte[] bytes, byte wanted) {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == wanted) {
                return i;
            }
        }
        return -1;
    }

    /** A path as it may stand in a message: hostile bytes become question marks. */
    static String show(byte[] path) {
        String s = new String(path, StandardCharsets.UTF_8);
        StringBuilder b = new StringBuilder("\"");
        s.codePoints().limit(256).forEach(c -> b.appendCodePoint(Character.isISOControl(c) || c == 0xfffd ? '?' : c));
        return b.append('"').toString();
    }

    /** The canonical description of the tree as it is now. */
    public TreeDescription build() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        try {
            out.write(TreeDescription.magic());
            new Writer(out).node(root);
        } catch (IOException e) {
            throw new AssertionError("writing to memory does not fail", e);
        }
        return new TreeDescription(bytes.toByteArray());
    }

    /** Writes nodes depth first in the order of their names; see {@link TreeDescription}. */
    private static final class Writer {
        private final DataOutputStream out;
        private final Map<Entry, Long> inos = new IdentityHashMap<>();

        Writer(DataOutputStream out) {
            this.out = out;
        }

        void node(Entry entry) throws IOException {
            @Nullable Long known = inos.get(entry);
            if (known != null) {
                out.writeByte(TreeDescription.HARD_LINK);
                out.writeLong(known);
                return;
            }
            inos.put(entry, inos.size() + 1L);
            out.writeByte(TreeDescription.tag(entry.type));
            out.writeShort(entry.metadata.permissions());
            out.writeInt(entry.metadata.uid());
            out.writeInt(entry.metadata.gid());
            out.writeLong(entry.metadata.mtimeNs());
            switch (entry.type) {
                case FileMode.S_IFREG -> {
                    out.writeLong(entry.size);
                    out.write(entry.payload);
                }
                case FileMode.S_IFLNK -> {
                    out.writeShort(entry.payload.length);
                    out.write(entry.payload);
                }
                case FileMode.S_IFDIR -> {
                    out.writeInt(entry.children.size());
                    for (Map.Entry<byte[], Entry> child : entry.children.entrySet()) {
                        out.writeByte(child.getKey().length);
                        out.write(child.getKey());
                        node(child.getValue());
                    }
                }
                default -> out.writeLong(entry.rdev);
            }
        }
    }
}
