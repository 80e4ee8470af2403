package dev.stockade.sentry.kvm.hostfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.GoferStatFs;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * System calls on host files, one per method. Descriptors are plain numbers here: {@link LocalNode} owns them. Every
 * lookup is one step beneath an open directory, through no symbolic link and no magic link.
 */
final class HostFsCalls {
    private static final HostFsLibC C = HostFsLibC.INSTANCE;
    private static final AtomicInteger OPEN = new AtomicInteger();

    private static final long SYS_OPENAT2 = 437; // the same on every architecture
    private static final int HOW_BYTES = 24; // struct open_how: u64 flags, mode, resolve
    private static final int O_RDONLY = 0;
    private static final int O_NOCTTY = 0400;
    private static final int O_NONBLOCK = 04000;
    private static final int O_DIRECTORY = 0200000;
    private static final int O_NOFOLLOW = 0400000;
    private static final int O_CLOEXEC = 02000000;
    private static final int O_PATH = 010000000;
    private static final long RESOLVE_NO_MAGICLINKS = 0x02;
    private static final long RESOLVE_NO_SYMLINKS = 0x04;
    private static final long RESOLVE_BENEATH = 0x08;
    private static final int RENAME_RETRIES = 64; // openat2(2): EAGAIN when a rename elsewhere made it uncertain

    private static final int AT_EMPTY_PATH = 0x1000;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_BYTES = 256;
    private static final int STATFS_BYTES = 120;
    private static final int DIRENT_BUFFER_BYTES = 64 * 1024;
    private static final int TARGET_BYTES = 4096;
    private static final byte[] EMPTY_PATH = {0};

    private HostFsCalls() {}

    /** How many descriptors are open: for leak tests. */
    static int openDescriptors() {
        return OPEN.get();
    }

    private static ErrnoException failure() {
        return Errno.of(HostFsLibC.errno()).exception();
    }

    private static byte[] cString(byte[] path) {
        return Arrays.copyOf(path, path.length + 1);
    }

    private static int owned(long fd) throws ErrnoException {
        if (fd < 0) {
            throw failure();
        }
        OPEN.incrementAndGet();
        return (int) fd;
    }

    /** Opens a directory that the operator named, as O_PATH, following symbolic links. */
    static int openRoot(String path) throws ErrnoException {
        // SAFETY: jnr copies the NUL-terminated path for the call; the new descriptor is owned by the caller.
        return owned(C.open(cString(path.getBytes(StandardCharsets.UTF_8)), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }

    /** Opens an entry of a directory as O_PATH: a symbolic link itself, nothing of a device. */
    static int openEntry(int directory, byte[] name) throws ErrnoException {
        return openat2(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }

    /** Opens an O_PATH directory for listing. */
    static int openDirectory(int directory) throws ErrnoException {
        return openat2(directory, new byte[] {'.'}, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }

    private static int openat2(int directory, byte[] name, int flags) throws ErrnoException {
        byte[] how = new byte[HOW_BYTES];
        ByteBuffer.wrap(how)
                .order(ByteOrder.nativeOrder())
                .putLong(0, flags)
                .putLong(16, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        byte[] path = cString(name);
        for (int attempt = 0; ; attempt++) {
            // SAFETY: the path is NUL-terminated, how is a whole struct open_how of the size passed; jnr copies both.
            // The caller keeps directory open. errno is read at once on this thread.
            long fd = C.syscall(SYS_OPENAT2, directory, path, how, HOW_BYTES);
            int errno = fd < 0 ? HostFsLibC.errno() : 0;
            // One name that is no link leads nowhere else: EXDEV says that what it named was moved away meanwhile.
            boolean moved = errno == Errno.EAGAIN.number() || errno == Errno.EXDEV.number();
            if (moved && attempt >= RENAME_RETRIES) {
                throw Errno.ENOENT.exception();
            }
            if (!moved && errno != Errno.EINTR.number()) {
                if (errno != 0) {
                    throw Errno.of(errno).exception();
                }
                return owned(fd);
            }
        }
    }

    /** Opens for reading the regular file that an O_PATH descriptor holds; the caller has checked that it is one. */
    static int openForReading(int handle) throws ErrnoException {
        byte[] self = cString(("/proc/self/fd/" + handle).getBytes(StandardCharsets.US_ASCII));
        // SAFETY: as in openRoot; the path names the inode that handle holds, which the caller keeps open.
        return owned(C.open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    }

    static void close(int fd) {
        OPEN.decrementAndGet();
        // SAFETY: the caller owns the descriptor and gives it up; Linux frees it even when close fails.
        C.close(fd);
    }

    static HostAttributes statx(int fd) throws ErrnoException {
        byte[] statx = new byte[STATX_BYTES];
        // SAFETY: the path is NUL-terminated and the buffer as large as struct statx; jnr copies both.
        if (C.statx(fd, EMPTY_PATH, AT_EMPTY_PATH, STATX_BASIC_STATS, statx) < 0) {
            throw failure();
        }
        return HostAttributes.of(ByteBuffer.wrap(statx).order(ByteOrder.nativeOrder()));
    }

    /** The target of the symbolic link that an O_PATH descriptor holds. */
    static byte[] readLink(int handle) throws ErrnoException {
        byte[] target = new byte[TARGET_BYTES];
        // SAFETY: the path is NUL-terminated; the kernel writes at most the size passed, which is the buffer's.
        long n = C.readlinkat(handle, EMPTY_PATH, target, target.length);
        if (n < 0) {
            throw failure();
        }
        return Arrays.copyOf(target, (int) n);
    }

    /** Reads at most {@code bytes} into a direct buffer from its start on. */
    static int pread(int fd, ByteBuffer direct, int bytes, long offset) throws ErrnoException {
        direct.clear();
        while (true) {
            // SAFETY: a direct buffer does not move, is reachable until after the call and as large as asked at least.
            long n = C.pread(fd, direct, Math.min(bytes, direct.capacity()), offset);
            if (n >= 0) {
                return (int) n;
            }
            if (HostFsLibC.errno() != Errno.EINTR.number()) {
                throw failure();
            }
        }
    }

    /**
     * An entry as getdents64(2) gives it.
     *
     * @param type the S_IFMT bits, 0 if the file system does not say
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Entry(byte[] name, long ino, int type) {}

    /** All entries but "." and ".." of a directory open for listing. */
    static List<Entry> entries(int fd) throws ErrnoException {
        List<Entry> entries = new ArrayList<>();
        byte[] buffer = new byte[DIRENT_BUFFER_BYTES];
        while (true) {
            // SAFETY: the kernel writes at most the size passed, which is the buffer's; jnr copies it back.
            long n = C.getdents64(fd, buffer, buffer.length);
            if (n < 0) {
                throw failure();
            }
            if (n == 0) {
                return entries;
            }
            parse(ByteBuffer.wrap(buffer, 0, (int) n).order(ByteOrder.nativeOrder()), entries);
        }
    }

    /** struct linux_dirent64: u64 d_ino, s64 d_off, u16 d_reclen, u8 d_type, char d_name[]. */
    private static void parse(ByteBuffer b, List<Entry> entries) {
        for (int at = 0; at < b.limit(); at += b.getShort(at + 16) & 0xffff) {
            int nameAt = at + 19;
            int end = nameAt;
            while (b.get(end) != 0) {
                end++;
            }
            byte[] name = Arrays.copyOfRange(b.array(), nameAt, end);
            boolean dots = name[0] == '.' && (name.length == 1 || (name.length == 2 && name[1] == '.'));
            if (!dots) {
                entries.add(new Entry(name, b.getLong(at), (b.get(at + 18) & 0xf) << 12));
            }
        }
    }

    static GoferStatFs statFs(int fd) throws ErrnoException {
        byte[] statfs = new byte[STATFS_BYTES];
        // SAFETY: the buffer is as large as struct statfs of 64-bit Linux; jnr copies it back.
        if (C.fstatfs(fd, statfs) < 0) {
            throw failure();
        }
        ByteBuffer b = ByteBuffer.wrap(statfs).order(ByteOrder.nativeOrder());
        return new GoferStatFs(
                b.getLong(0), b.getLong(8), b.getLong(16), b.getLong(24), b.getLong(40), b.getLong(48), (int)
                        b.getLong(64));
    }
}
