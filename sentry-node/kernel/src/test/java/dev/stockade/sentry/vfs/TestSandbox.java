package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.auth.UserNamespace;
import dev.stockade.sentry.fs.pipe.Pipes;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.memory.ArenaMemory;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.KernelHeap;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** A virtual file system for tests, with calls that take strings, as root and from "/" if nothing else is said. */
public final class TestSandbox {
    public static final long MEMORY = 12 << 20;

    public final KernelHeap heap = new KernelHeap(64 << 20);
    public final FrameAllocator frames;
    public final VirtualFilesystem vfs;
    private final AtomicLong clock = new AtomicLong(1_000_000_000_000L);
    private final UserNamespace users = new UserNamespace(null);
    private MountNamespace mounts;
    public VfsContext context;

    public TestSandbox() {
        this(VirtualFilesystem.DEFAULT_DENTRIES);
    }

    /** Each look at the clock moves it on by a microsecond. */
    public TestSandbox(int maxDentries) {
        frames = new FrameAllocator(new ArenaMemory(MEMORY), MEMORY);
        vfs = new VirtualFilesystem(() -> clock.addAndGet(1000), heap, maxDentries);
        Pipes.register(vfs);
    }

    public TmpfsFilesystem newTmpfs() {
        return newTmpfs(MEMORY, 100_000);
    }

    public TmpfsFilesystem newTmpfs(long bytes, long inodes) {
        try {
            return new TmpfsFilesystem(vfs, frames, "tmpfs", new TmpfsFilesystem.Limits(bytes, inodes), 0755, 0, 0);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    /** Makes this the root. */
    public TestSandbox root(Filesystem fs) {
        mounts = new MountNamespace(vfs, fs, "root", 0);
        context = contextOf(fs);
        return this;
    }

    public MountNamespace mounts() {
        return mounts;
    }

    /** A context whose root and working directory is the root of this file system. */
    public VfsContext contextOf(Filesystem fs) {
        VirtualDentry root = mounts != null && mounts.rootMount().filesystem() == fs
                ? mounts.root()
                : new MountNamespace(vfs, fs, "none", 0).root();
        return new VfsContext(Credentials.root(users), root, root, 022);
    }

    /** The same place as an ordinary user. */
    public VfsContext user(int uid, int gid, int... groups) {
        return new VfsContext(
                Credentials.user(uid, gid, groups, users), context.root(), context.cwd(), context.umask());
    }

    public VfsContext in(String directory) throws ErrnoException {
        return new VfsContext(
                context.credentials(),
                context.root(),
                vfs.resolveDirectory(context, null, bytes(directory)),
                context.umask());
    }

    public static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.ISO_8859_1);
    }

    public static String string(byte[] b) {
        return new String(b, StandardCharsets.ISO_8859_1);
    }

    // ---- calls ----

    public FileDescription open(String path, int flags) throws ErrnoException {
        return vfs.open(context, null, bytes(path), flags, 0666);
    }

    public void mkdir(String path) throws ErrnoException {
        vfs.changes().mkdir(context, null, bytes(path), 0777);
    }

    public void rmdir(String path) throws ErrnoException {
        vfs.changes().rmdir(context, null, bytes(path));
    }

    public void unlink(String path) throws ErrnoException {
        vfs.changes().unlink(context, null, bytes(path));
    }

    public void symlink(String target, String path) throws ErrnoException {
        vfs.changes().symlink(context, bytes(target), null, bytes(path));
    }

    public void link(String from, String to) throws ErrnoException {
        vfs.changes().link(context, null, bytes(from), null, bytes(to), 0);
    }

    public void rename(String from, String to) throws ErrnoException {
        rename(from, to, 0);
    }

    public void rename(String from, String to, int flags) throws ErrnoException {
        vfs.changes().rename(context, null, bytes(from), null, bytes(to), flags);
    }

    public void chmod(String path, int mode) throws ErrnoException {
        vfs.changes().attributes().chmod(context, resolve(path), mode);
    }

    public void chown(String path, int uid, int gid) throws ErrnoException {
        vfs.changes().attributes().chown(context, resolve(path), uid, gid);
    }

    public VirtualDentry resolve(String path) throws ErrnoException {
        return vfs.resolve(context, null, bytes(path), VirtualFilesystem.FOLLOW);
    }

    public Stat stat(String path) throws ErrnoException {
        return vfs.stat(context, null, bytes(path), VirtualFilesystem.FOLLOW);
    }

    public Stat lstat(String path) throws ErrnoException {
        return vfs.stat(context, null, bytes(path), 0);
    }

    public void write(String path, String contents) throws ErrnoException {
        FileDescription f = open(path, OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_TRUNC);
        write(f, contents);
        f.decRef();
    }

    public void append(String path, String contents) throws ErrnoException {
        FileDescription f = open(path, OpenFlags.O_WRONLY | OpenFlags.O_APPEND);
        write(f, contents);
        f.decRef();
    }

    public static long write(FileDescription f, String contents) throws ErrnoException {
        return f.write(KernelBuffer.of(bytes(contents)));
    }

    public static String read(FileDescription f, int length) throws ErrnoException {
        KernelBuffer b = new KernelBuffer(length).fill(length);
        f.read(b);
        return string(b.bytes());
    }

    public String read(String path) throws ErrnoException {
        FileDescription f = open(path, OpenFlags.O_RDONLY);
        try {
            StringBuilder s = new StringBuilder();
            for (; ; ) {
                String part = read(f, 65536);
                if (part.isEmpty()) {
                    return s.toString();
                }
                s.append(part);
            }
        } finally {
            f.decRef();
        }
    }

    /** Names of a directory but "." and "..", as read, in that order. */
    public List<String> list(String path) throws ErrnoException {
        FileDescription f = open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        try {
            List<String> names = new ArrayList<>();
            f.iterateDirents((name, ino, type, next) -> {
                String n = string(name);
                if (!n.equals(".") && !n.equals("..")) {
                    names.add(n);
                }
                return true;
            });
            return names;
        } finally {
            f.decRef();
        }
    }

    /** Something that may fail with an error number. */
    @FunctionalInterface
    public interface Call {
        void run() throws ErrnoException;
    }

    /** The error of a call; null if it succeeds. */
    public static Errno errnoOf(Call call) {
        try {
            call.run();
            return null;
        } catch (ErrnoException e) {
            return e.errno();
        }
    }
}
