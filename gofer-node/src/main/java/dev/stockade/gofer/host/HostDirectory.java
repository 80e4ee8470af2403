package dev.stockade.gofer.host;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.abi.FileMode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A directory of the host, and the only way to files in it: every path is resolved by the kernel beneath it,
 * through no symbolic link, no magic link of /proc and no mount point. This holds also while somebody changes the
 * directory, because the kernel checks each step as it takes it.
 *
 * <p>A file is opened in two steps, so that nothing but a regular file is ever opened for real (opening a FIFO or a
 * device already has effects): first O_PATH, which touches nothing; then, once statx(2) on that descriptor says that
 * it is a regular file, that very inode again for reading by its entry in /proc/self/fd.
 */
public final class HostDirectory extends HostFd {
    private static final long SYS_OPENAT2 = 437; // the same on every architecture
    private static final int HOW_BYTES = 24; // struct open_how: u64 flags, mode, resolve

    private static final int O_RDONLY = 0;
    private static final int O_NOCTTY = 0400;
    private static final int O_NONBLOCK = 04000;
    private static final int O_DIRECTORY = 0200000;
    private static final int O_NOFOLLOW = 0400000;
    private static final int O_CLOEXEC = 02000000;
    private static final int O_PATH = 010000000;

    private static final long RESOLVE_NO_XDEV = 0x01;
    private static final long RESOLVE_NO_MAGICLINKS = 0x02;
    private static final long RESOLVE_NO_SYMLINKS = 0x04;
    private static final long RESOLVE_BENEATH = 0x08;
    private static final long RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

    /** How often a lookup is repeated that a rename elsewhere made uncertain (openat2(2), EAGAIN). */
    private static final int RENAME_RETRIES = 64;

    private HostDirectory(int fd) {
        super(fd);
    }

    /** Opens a directory that the operator named, following symbolic links. */
    public static HostDirectory open(Path trusted) throws ErrnoException {
        byte[] path = cString(trusted.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8));
        // SAFETY: the path is NUL-terminated and copied by jnr for the call; the new descriptor is owned at once.
        int fd = LibC.INSTANCE.open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            throw new ErrnoException(Errno.of(LibC.errno()), trusted.toString());
        }
        return new HostDirectory(fd);
    }

    /** Opens a directory beneath this one. */
    public HostDirectory openDirectory(byte[] relative) throws ErrnoException {
        return new HostDirectory(openAt(relative, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }

    /**
     * Opens a regular file beneath this directory for reading.
     *
     * @throws ErrnoException ELOOP for a symbolic link anywhere on the path, EXDEV for a path that leads out, EISDIR
     *     for a directory, EINVAL for any other file that is not regular
     */
    public HostFile openFile(byte[] relative) throws ErrnoException {
        int handle = openAt(relative, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        try {
            HostStat stat = statOf(handle);
            switch (FileMode.type(stat.mode())) {
                case FileMode.S_IFREG -> {}
                case FileMode.S_IFDIR -> throw new ErrnoException(Errno.EISDIR);
                case FileMode.S_IFLNK -> throw new ErrnoException(Errno.ELOOP);
                default -> throw new ErrnoException(Errno.EINVAL, "not a regular file");
            }
            byte[] self = cString(("/proc/self/fd/" + handle).getBytes(StandardCharsets.US_ASCII));
            // SAFETY: the path is NUL-terminated and copied for the call. It names the inode that handle holds, which
            // is a regular file, whatever its name refers to by now; handle is open and owned here.
            int fd = LibC.INSTANCE.open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
            if (fd < 0) {
                throw new ErrnoException(Errno.of(LibC.errno()), "reopen");
            }
            return new HostFile(fd, stat.sizeBytes());
        } finally {
            closeFd(handle);
        }
    }

    private int openAt(byte[] relative, int flags) throws ErrnoException {
        byte[] how = new byte[HOW_BYTES];
        ByteBuffer b = ByteBuffer.wrap(how).order(ByteOrder.nativeOrder());
        b.putLong(0, flags).putLong(16, RESOLVE);
        byte[] path = cString(relative);
        inUse().lock();
        try {
            for (int attempt = 0; ; attempt++) {
                // SAFETY: path is NUL-terminated, how is a whole struct open_how of the size passed; jnr copies both
                // and
                // the kernel keeps neither. inUse keeps this descriptor open. errno is read at once on this thread.
                long fd = LibC.INSTANCE.syscall(SYS_OPENAT2, fd(), path, how, HOW_BYTES);
                if (fd >= 0) {
                    return (int) fd;
                }
                Errno e = Errno.of(LibC.errno());
                if (e != Errno.EINTR && (e != Errno.EAGAIN || attempt >= RENAME_RETRIES)) {
                    throw new ErrnoException(e, "openat2");
                }
            }
        } finally {
            inUse().unlock();
        }
    }

    /** Writes everything of the file system that holds a directory of ours to disk; cheaper than file by file. */
    public static void syncFileSystem(Path trusted) throws ErrnoException {
        byte[] path = cString(trusted.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8));
        // SAFETY: as in open.
        int fd = LibC.INSTANCE.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            throw new ErrnoException(Errno.of(LibC.errno()), trusted.toString());
        }
        try {
            // SAFETY: the descriptor is open and owned here; syncfs takes no memory. errno is read at once.
            if (LibC.INSTANCE.syncfs(fd) < 0) {
                throw new ErrnoException(Errno.of(LibC.errno()), "syncfs");
            }
        } finally {
            closeFd(fd);
        }
    }

    /** Whether this kernel and its seccomp filters let us open files safely; else why not. */
    public static String checkSupport(Path directory) {
        try (HostDirectory d = open(directory)) {
            closeFd(d.openAt(new byte[] {'.'}, O_PATH | O_DIRECTORY | O_CLOEXEC));
            return "";
        } catch (ErrnoException e) {
            return e.errno() == Errno.ENOSYS || e.errno() == Errno.EPERM
                    ? "openat2(2) is not allowed here (Linux 5.6 or newer and a seccomp profile that knows it are needed)"
                    : "cannot open " + directory + ": " + e.getMessage();
        }
    }

    /** How many descriptors this package holds open in this process: for metrics and leak tests. */
    public static int openDescriptors() {
        return openCount();
    }

    private static byte[] cString(byte[] path) throws ErrnoException {
        for (byte c : path) {
            if (c == 0) {
                throw new ErrnoException(Errno.EINVAL, "NUL in a path");
            }
        }
        byte[] terminated = new byte[path.length + 1];
        System.arraycopy(path, 0, terminated, 0, path.length);
        return terminated;
    }
}
