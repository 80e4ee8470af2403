package dev.stockade.sentry.kvm.hostfs;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.GoferAttr;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.fs.gofer.GoferDirEntry;
import dev.stockade.sentry.fs.gofer.GoferNode;
import dev.stockade.sentry.fs.gofer.GoferStatFs;
import dev.stockade.sentry.fs.gofer.GoferWalk;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A directory of the host, "/" too, read-only. What the guest's kernel asks for is found one step at a time beneath
 * that directory, through no symbolic link: it follows those itself. Only regular files are ever opened for reading.
 * Mounts beneath it are part of the tree, but /proc, /sys and the like look like empty directories.
 *
 * <p>The host may change the tree meanwhile: reads may come short, and a file that was replaced since it was walked to
 * fails with ESTALE once its descriptor had to be closed.
 *
 * <p>Thread-safe. Descriptors are bounded: those of the least recently used files are closed and opened again by name.
 */
public final class LocalTreeClient implements GoferClient {
    private static final long ROOT = 1;
    private static final int NAME_BYTES = 255;
    private static final int MAX_OPEN_NODES = 2048; // two descriptors each at most
    private static final int BUFFER_BYTES = 256 * 1024;
    private static final int MOUNT_SHIFT = 48;
    private static final ThreadLocal<ByteBuffer> BUFFER =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BUFFER_BYTES));

    private final ConcurrentMap<Long, LocalNode> nodes = new ConcurrentHashMap<>();
    private final AtomicLong nextHandle = new AtomicLong(ROOT);
    /** Numbers of the file systems seen, the root's is 0: inode numbers are unique only within one. */
    private final ConcurrentMap<Long, Long> mounts = new ConcurrentHashMap<>();

    private final AtomicLong nextMount = new AtomicLong(1);
    private final GoferNode root;
    private final ReentrantLock openLock = new ReentrantLock();

    /** Nodes that may have descriptors open, the least recently used first. */
    @GuardedBy("openLock")
    private final LinkedHashMap<Long, LocalNode> open = new LinkedHashMap<>(16, 0.75f, true);

    private volatile boolean closed;

    private LocalTreeClient(int fd, HostAttributes attributes) {
        mounts.put(attributes.device(), 0L);
        long handle = nextHandle.getAndIncrement();
        nodes.put(
                handle,
                new LocalNode(
                        null,
                        new byte[0],
                        fd,
                        attributes.device(),
                        attributes.attr().ino(),
                        false));
        this.root = new GoferNode(handle, attributes.attr(), null);
    }

    /**
     * Opens the tree below a directory of the host.
     *
     * @throws ErrnoException ENOENT, ENOTDIR or EACCES as open(2)
     */
    public static LocalTreeClient open(Path directory) throws ErrnoException {
        int fd = HostFsCalls.openRoot(directory.toAbsolutePath().toString());
        try {
            return new LocalTreeClient(fd, HostFsCalls.statx(fd));
        } catch (ErrnoException e) {
            HostFsCalls.close(fd);
            throw e;
        }
    }

    private LocalNode node(long handle) throws ErrnoException {
        LocalNode node = nodes.get(handle);
        if (node == null) {
            throw (closed ? Errno.EIO : Errno.EBADF).exception();
        }
        used(handle, node);
        return node;
    }

    /** Notes the use of a node's descriptors and closes the eldest ones if there are too many. */
    private void used(long handle, LocalNode node) {
        openLock.lock();
        try {
            open.put(handle, node);
            Iterator<LocalNode> eldest = open.values().iterator();
            while (open.size() > MAX_OPEN_NODES) {
                eldest.next().closeDescriptorsIfUnused();
                eldest.remove();
            }
        } finally {
            openLock.unlock();
        }
    }

    private HostAttributes guestView(HostAttributes host) {
        return host.withIno(guestIno(host.device(), host.attr().ino()));
    }

    private long guestIno(long device, long ino) {
        Long known = mounts.get(device);
        long mount = known == null ? mounts.computeIfAbsent(device, d -> nextMount.getAndIncrement()) : known;
        return ino | mount << MOUNT_SHIFT;
    }

    @Override
    public GoferNode root() {
        return root;
    }

    @Override
    public GoferWalk walk(long directory, List<byte[]> names) throws ErrnoException {
        for (byte[] name : names) {
            checkName(name);
        }
        LocalNode parent = node(directory);
        List<GoferNode> walked = new ArrayList<>(names.size());
        for (byte[] name : names) {
            try {
                parent = step(parent, name, walked);
            } catch (ErrnoException e) {
                boolean nothing = walked.isEmpty() && e.errno() != Errno.ENOENT && e.errno() != Errno.ENOTDIR;
                if (nothing) {
                    throw e;
                }
                return new GoferWalk(walked, e.errno());
            }
        }
        return new GoferWalk(walked, null);
    }

    private LocalNode step(LocalNode parent, byte[] name, List<GoferNode> walked) throws ErrnoException {
        if (parent.hidden()) {
            throw Errno.ENOENT.exception();
        }
        int fd = parent.usePath(directory -> HostFsCalls.openEntry(directory, name));
        boolean kept = false;
        try {
            HostAttributes host = HostFsCalls.statx(fd);
            GoferAttr attr = guestView(host).attr();
            boolean pseudo = host.device() != parent.device()
                    && PseudoFileSystems.contains(HostFsCalls.statFs(fd).type());
            if (pseudo && !attr.isDirectory()) {
                throw Errno.ENOENT.exception();
            }
            byte @Nullable [] target = attr.isSymlink() ? HostFsCalls.readLink(fd) : null;
            LocalNode node = new LocalNode(
                    parent, name.clone(), fd, host.device(), host.attr().ino(), pseudo);
            kept = true;
            long handle = nextHandle.getAndIncrement();
            nodes.put(handle, node);
            used(handle, node);
            if (closed) {
                release(handle);
                throw Errno.EIO.exception();
            }
            walked.add(new GoferNode(handle, attr, target));
            return node;
        } finally {
            if (!kept) {
                HostFsCalls.close(fd);
            }
        }
    }

    private static void checkName(byte[] name) throws ErrnoException {
        if (name.length > NAME_BYTES) {
            throw Errno.ENAMETOOLONG.exception();
        }
        boolean dots = (name.length == 1 && name[0] == '.') || (name.length == 2 && name[0] == '.' && name[1] == '.');
        if (name.length == 0 || dots) {
            throw Errno.EINVAL.exception();
        }
        for (byte c : name) {
            if (c == 0 || c == '/') {
                throw Errno.EINVAL.exception();
            }
        }
    }

    @Override
    public GoferAttr stat(long handle) throws ErrnoException {
        return guestView(node(handle).usePath(HostFsCalls::statx)).attr();
    }

    @Override
    public byte[] readLink(long handle) throws ErrnoException {
        return node(handle).usePath(fd -> {
            if (!HostFsCalls.statx(fd).attr().isSymlink()) {
                throw Errno.EINVAL.exception();
            }
            return HostFsCalls.readLink(fd);
        });
    }

    @Override
    public List<GoferDirEntry> readDir(long handle) throws ErrnoException {
        LocalNode node = node(handle);
        if (node.hidden()) {
            return List.of();
        }
        return node.usePath(path -> {
            int fd = HostFsCalls.openDirectory(path);
            try {
                HostAttributes directory = HostFsCalls.statx(fd);
                List<GoferDirEntry> entries = new ArrayList<>();
                for (HostFsCalls.Entry entry : HostFsCalls.entries(fd)) {
                    long ino = guestIno(directory.device(), entry.ino());
                    int type = entry.type() == 0 ? typeOf(path, entry.name()) : entry.type();
                    if (type != 0) {
                        entries.add(new GoferDirEntry(entry.name(), ino, type));
                    }
                }
                entries.sort((a, b) -> Arrays.compareUnsigned(a.name(), b.name()));
                return entries;
            } finally {
                HostFsCalls.close(fd);
            }
        });
    }

    /** 0 when the entry has vanished meanwhile. */
    private static int typeOf(int directory, byte[] name) {
        try {
            int fd = HostFsCalls.openEntry(directory, name);
            try {
                return HostFsCalls.statx(fd).attr().type();
            } finally {
                HostFsCalls.close(fd);
            }
        } catch (ErrnoException e) {
            return 0;
        }
    }

    @Override
    public int read(long handle, long offset, MemorySegment destination) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        LocalNode node = node(handle);
        GoferAttr attr = node.usePath(HostFsCalls::statx).attr();
        if (!attr.isRegular()) {
            throw (attr.isDirectory() ? Errno.EISDIR : Errno.EINVAL).exception();
        }
        return node.useForReading(fd -> {
            ByteBuffer buffer = BUFFER.get();
            MemorySegment source = MemorySegment.ofBuffer(buffer.clear());
            long wanted = Math.min(destination.byteSize(), Integer.MAX_VALUE);
            long done = 0;
            while (done < wanted) {
                int part = (int) Math.min(BUFFER_BYTES, wanted - done);
                int n = HostFsCalls.pread(fd, buffer, part, offset + done);
                MemorySegment.copy(source, 0, destination, done, n);
                done += n;
                if (n == 0) {
                    break;
                }
            }
            return (int) done;
        });
    }

    @Override
    public GoferStatFs statFs(long handle) throws ErrnoException {
        return node(handle).usePath(HostFsCalls::statFs);
    }

    @Override
    public void release(long... handles) {
        for (long handle : handles) {
            if (handle == ROOT && !closed) {
                continue;
            }
            LocalNode node = nodes.remove(handle);
            if (node != null) {
                openLock.lock();
                try {
                    open.remove(handle);
                } finally {
                    openLock.unlock();
                }
                node.close();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        for (Map.Entry<Long, LocalNode> e : nodes.entrySet()) {
            release(e.getKey());
        }
    }
}
