package dev.stockade.sentry.fs.gofer;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Serves a tree in memory and counts what it is asked. */
public final class FakeGofer implements GoferClient {
    private static final class Node {
        final long ino;
        final int mode;
        final byte[] contents;
        final Map<String, Node> entries = new TreeMap<>();
        int links = 1;

        Node(long ino, int mode, byte[] contents) {
            this.ino = ino;
            this.mode = mode;
            this.contents = contents;
        }
    }

    private final Node root = new Node(1, 0040755, new byte[0]);
    private final Map<Long, Node> handles = new HashMap<>();
    private long nextHandle = 100;
    private long nextIno = 2;

    public final AtomicInteger walks = new AtomicInteger();
    public final AtomicInteger reads = new AtomicInteger();
    public final AtomicInteger readDirs = new AtomicInteger();

    /** Calls fail with this while it is set. */
    public volatile Errno failure;

    private volatile boolean closed;

    // ---- the tree ----

    private Node parent(String path) {
        Node n = root;
        String[] names = path.substring(1).split("/");
        for (int i = 0; i < names.length - 1; i++) {
            n = n.entries.get(names[i]);
        }
        return n;
    }

    private static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private FakeGofer add(String path, int mode, byte[] contents) {
        parent(path).entries.put(name(path), new Node(nextIno++, mode, contents));
        return this;
    }

    public FakeGofer directory(String path) {
        return add(path, 0040755, new byte[0]);
    }

    public FakeGofer file(String path, String contents) {
        return file(path, contents.getBytes(StandardCharsets.ISO_8859_1));
    }

    public FakeGofer file(String path, byte[] contents) {
        return add(path, 0100644, contents);
    }

    public FakeGofer symlink(String path, String target) {
        return add(path, 0120777, target.getBytes(StandardCharsets.ISO_8859_1));
    }

    public FakeGofer link(String path, String existing) {
        Node n = parent(existing).entries.get(name(existing));
        n.links++;
        parent(path).entries.put(name(path), n);
        return this;
    }

    // ---- the client ----

    private synchronized Node node(long handle) throws ErrnoException {
        if (closed) {
            throw Errno.EIO.exception();
        }
        if (failure != null) {
            throw failure.exception();
        }
        if (handle == 1) {
            return root;
        }
        Node n = handles.get(handle);
        if (n == null) {
            throw Errno.EBADF.exception();
        }
        return n;
    }

    private static GoferAttr attr(Node n) {
        return new GoferAttr(
                n.ino, n.mode, n.links, 0, 0, 0, n.contents.length, (n.contents.length + 511) / 512, 5, 6, 7);
    }

    private synchronized GoferNode open(Node n) {
        long h = nextHandle++;
        handles.put(h, n);
        return new GoferNode(h, attr(n), (n.mode & 0170000) == 0120000 ? n.contents : null);
    }

    @Override
    public GoferNode root() {
        return new GoferNode(1, attr(root), null);
    }

    @Override
    public GoferWalk walk(long directory, List<byte[]> names) throws ErrnoException {
        walks.incrementAndGet();
        Node n = node(directory);
        List<GoferNode> found = new ArrayList<>();
        for (byte[] b : names) {
            if ((n.mode & 0170000) != 0040000) {
                return new GoferWalk(found, Errno.ENOTDIR);
            }
            n = n.entries.get(new String(b, StandardCharsets.ISO_8859_1));
            if (n == null) {
                return new GoferWalk(found, Errno.ENOENT);
            }
            found.add(open(n));
        }
        return new GoferWalk(found, null);
    }

    @Override
    public GoferAttr stat(long handle) throws ErrnoException {
        return attr(node(handle));
    }

    @Override
    public byte[] readLink(long handle) throws ErrnoException {
        return node(handle).contents;
    }

    @Override
    public List<GoferDirEntry> readDir(long handle) throws ErrnoException {
        readDirs.incrementAndGet();
        List<GoferDirEntry> list = new ArrayList<>();
        node(handle)
                .entries
                .forEach((name, n) -> list.add(
                        new GoferDirEntry(name.getBytes(StandardCharsets.ISO_8859_1), n.ino, n.mode & 0170000)));
        return list;
    }

    @Override
    public int read(long handle, long offset, MemorySegment destination) throws ErrnoException {
        reads.incrementAndGet();
        byte[] c = node(handle).contents;
        if (offset >= c.length) {
            return 0;
        }
        int n = (int) Math.min(destination.byteSize(), c.length - offset);
        MemorySegment.copy(MemorySegment.ofArray(c), offset, destination, 0, n);
        return n;
    }

    @Override
    public GoferStatFs statFs(long handle) throws ErrnoException {
        node(handle);
        return new GoferStatFs(0xef53, 4096, 1000, 500, 100, 50, 255);
    }

    @Override
    public synchronized void release(long... released) {
        for (long h : released) {
            handles.remove(h);
        }
    }

    @Override
    public void close() {
        closed = true;
    }

    public boolean isClosed() {
        return closed;
    }
}
