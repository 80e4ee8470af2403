package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.Mount;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.StatFs;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Attributes read: stat(2), statx(2), access(2), readlink(2), statfs(2). */
final class FileStatSyscalls {
    private static final int STAT_SIZE = 144;
    private static final int STATX_SIZE = 256;
    private static final int STATFS_SIZE = 120;
    private static final int STATX_BASIC_STATS = 0x7ff;
    private static final int STATX_MNT_ID = 0x1000;
    private static final int STATX_RESERVED = 0x80000000;
    private static final long NS = 1_000_000_000L;

    private FileStatSyscalls() {}

    // ---- stat ----

    static long stat(Task t, SyscallArgs a) throws ErrnoException {
        return statPath(t, AtFlags.AT_FDCWD, a.longAt(0), a.longAt(1), 0);
    }

    static long lstat(Task t, SyscallArgs a) throws ErrnoException {
        return statPath(t, AtFlags.AT_FDCWD, a.longAt(0), a.longAt(1), AtFlags.AT_SYMLINK_NOFOLLOW);
    }

    static long fstat(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withAnyFile(t, a.intAt(0), f -> copyOut(t, f.stat(), a.longAt(1)));
    }

    static long newfstatat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        FileArguments.checkFlags(flags, AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_NO_AUTOMOUNT | AtFlags.AT_EMPTY_PATH);
        return statPath(t, a.intAt(0), a.longAt(1), a.longAt(2), flags);
    }

    private static long statPath(Task t, int dirfd, long pathAddress, long address, int flags) throws ErrnoException {
        byte[] path = FileArguments.path(t, pathAddress);
        return copyOut(t, statAt(t, dirfd, path, flags), address);
    }

    private static Stat statAt(Task t, int dirfd, byte[] path, int flags) throws ErrnoException {
        if (path.length == 0 && (flags & AtFlags.AT_EMPTY_PATH) != 0 && dirfd != AtFlags.AT_FDCWD) {
            FileDescription f = t.fdTable().get(dirfd);
            try {
                return f.stat();
            } finally {
                f.decRef();
            }
        }
        return t.kernel()
                .vfs()
                .stat(t.vfsContext(), FileArguments.start(t, dirfd, path), path, FileArguments.resolveFlags(flags));
    }

    private static long copyOut(Task t, Stat s, long address) throws ErrnoException {
        byte[] b = new byte[STAT_SIZE];
        GuestLayout.putLong(b, 0, s.device());
        GuestLayout.putLong(b, 8, s.ino());
        GuestLayout.putLong(b, 16, s.nlink());
        GuestLayout.putInt(b, 24, s.mode());
        GuestLayout.putInt(b, 28, s.uid());
        GuestLayout.putInt(b, 32, s.gid());
        GuestLayout.putLong(b, 40, s.rdev());
        GuestLayout.putLong(b, 48, s.size());
        GuestLayout.putLong(b, 56, s.blockSize());
        GuestLayout.putLong(b, 64, s.blocks());
        putTime(b, 72, s.atimeNs());
        putTime(b, 88, s.mtimeNs());
        putTime(b, 104, s.ctimeNs());
        t.memoryManager().copyOut(address, b);
        return 0;
    }

    private static void putTime(byte[] b, int at, long ns) {
        GuestLayout.putLong(b, at, Math.floorDiv(ns, NS));
        GuestLayout.putLong(b, at + 8, Math.floorMod(ns, NS));
    }

    static long statx(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(2);
        int mask = a.intAt(3);
        FileArguments.checkFlags(
                flags,
                AtFlags.AT_SYMLINK_NOFOLLOW
                        | AtFlags.AT_NO_AUTOMOUNT
                        | AtFlags.AT_EMPTY_PATH
                        | AtFlags.AT_STATX_SYNC_TYPE);
        if ((mask & STATX_RESERVED) != 0 || (flags & AtFlags.AT_STATX_SYNC_TYPE) == AtFlags.AT_STATX_SYNC_TYPE) {
            throw Errno.EINVAL.exception();
        }
        byte[] path = FileArguments.path(t, a.longAt(1));
        Stat s = statAt(t, a.intAt(0), path, flags);
        byte[] b = new byte[STATX_SIZE];
        GuestLayout.putInt(b, 0, STATX_BASIC_STATS);
        GuestLayout.putInt(b, 4, s.blockSize());
        GuestLayout.putInt(b, 16, s.nlink());
        GuestLayout.putInt(b, 20, s.uid());
        GuestLayout.putInt(b, 24, s.gid());
        GuestLayout.putShort(b, 28, s.mode());
        GuestLayout.putLong(b, 32, s.ino());
        GuestLayout.putLong(b, 40, s.size());
        GuestLayout.putLong(b, 48, s.blocks());
        putStatxTime(b, 64, s.atimeNs());
        putStatxTime(b, 96, s.ctimeNs());
        putStatxTime(b, 112, s.mtimeNs());
        GuestLayout.putInt(b, 128, FileMode.major(s.rdev()));
        GuestLayout.putInt(b, 132, FileMode.minor(s.rdev()));
        GuestLayout.putInt(b, 136, FileMode.major(s.device()));
        GuestLayout.putInt(b, 140, FileMode.minor(s.device()));
        if ((mask & STATX_MNT_ID) != 0) {
            Mount m = mountOf(t, a.intAt(0), path, flags);
            if (m != null) {
                GuestLayout.putInt(b, 0, STATX_BASIC_STATS | STATX_MNT_ID);
                GuestLayout.putLong(b, 144, m.id());
            }
        }
        t.memoryManager().copyOut(a.longAt(4), b);
        return 0;
    }

    private static @Nullable Mount mountOf(Task t, int dirfd, byte[] path, int flags) throws ErrnoException {
        VirtualDentry start = FileArguments.start(t, dirfd, path);
        return t.kernel()
                .vfs()
                .resolve(t.vfsContext(), start, path, FileArguments.resolveFlags(flags))
                .mount();
    }

    private static void putStatxTime(byte[] b, int at, long ns) {
        GuestLayout.putLong(b, at, Math.floorDiv(ns, NS));
        GuestLayout.putInt(b, at + 8, (int) Math.floorMod(ns, NS));
    }

    // ---- access ----

    static long access(Task t, SyscallArgs a) throws ErrnoException {
        return access(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), 0);
    }

    static long faccessat(Task t, SyscallArgs a) throws ErrnoException {
        return access(t, a.intAt(0), a.longAt(1), a.intAt(2), 0);
    }

    static long faccessat2(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        FileArguments.checkFlags(flags, AtFlags.AT_EACCESS | AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH);
        return access(t, a.intAt(0), a.longAt(1), a.intAt(2), flags);
    }

    private static long access(Task t, int dirfd, long pathAddress, int mask, int flags) throws ErrnoException {
        FileArguments.checkFlags(mask, 7);
        byte[] path = FileArguments.path(t, pathAddress);
        VfsContext context = t.vfsContext();
        if ((flags & AtFlags.AT_EACCESS) == 0) {
            context = context.withCredentials(realIds(context.credentials()));
        }
        t.kernel()
                .vfs()
                .access(context, FileArguments.start(t, dirfd, path), path, mask, FileArguments.resolveFlags(flags));
        return 0;
    }

    /** access(2) asks for the real ids; root has its permitted capabilities then, others have none. */
    private static Credentials realIds(Credentials c) {
        return new Credentials(
                c.ruid(),
                c.euid(),
                c.suid(),
                c.ruid(),
                c.rgid(),
                c.egid(),
                c.sgid(),
                c.rgid(),
                c.groups(),
                c.permitted(),
                c.ruid() == 0 ? c.permitted() : 0,
                c.inheritable(),
                c.bounding(),
                c.ambient(),
                c.securebits(),
                c.keepCaps(),
                c.noNewPrivs(),
                c.userNamespace());
    }

    // ---- readlink ----

    static long readlink(Task t, SyscallArgs a) throws ErrnoException {
        return readlink(t, AtFlags.AT_FDCWD, a.longAt(0), a.longAt(1), a.intAt(2));
    }

    static long readlinkat(Task t, SyscallArgs a) throws ErrnoException {
        return readlink(t, a.intAt(0), a.longAt(1), a.longAt(2), a.intAt(3));
    }

    private static long readlink(Task t, int dirfd, long pathAddress, long buffer, int size) throws ErrnoException {
        if (size <= 0) {
            throw Errno.EINVAL.exception();
        }
        byte[] path = FileArguments.path(t, pathAddress);
        if (path.length == 0 && dirfd == AtFlags.AT_FDCWD) {
            throw Errno.ENOENT.exception();
        }
        byte[] target = t.kernel().vfs().readLink(t.vfsContext(), FileArguments.start(t, dirfd, path), path);
        byte[] cut = target.length <= size ? target : Arrays.copyOf(target, size);
        t.memoryManager().copyOut(buffer, cut);
        return cut.length;
    }

    // ---- statfs ----

    static long statfs(Task t, SyscallArgs a) throws ErrnoException {
        VirtualDentry v = FileArguments.resolve(t, t.vfsContext(), AtFlags.AT_FDCWD, a.longAt(0), 0);
        return copyOut(t, v, a.longAt(1));
    }

    static long fstatfs(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withAnyFile(
                t, a.intAt(0), f -> copyOut(t, FileArguments.location(f, Errno.ENOSYS), a.longAt(1)));
    }

    private static long copyOut(Task t, VirtualDentry v, long address) throws ErrnoException {
        Filesystem fs = v.dentry().filesystem();
        StatFs s = fs.statFs();
        byte[] b = new byte[STATFS_SIZE];
        GuestLayout.putLong(b, 0, s.type());
        GuestLayout.putLong(b, 8, s.blockSize());
        GuestLayout.putLong(b, 16, s.blocks());
        GuestLayout.putLong(b, 24, s.blocksFree());
        GuestLayout.putLong(b, 32, s.blocksAvailable());
        GuestLayout.putLong(b, 40, s.files());
        GuestLayout.putLong(b, 48, s.filesFree());
        GuestLayout.putLong(b, 56, fs.device());
        GuestLayout.putLong(b, 64, s.nameLength());
        GuestLayout.putLong(b, 72, s.blockSize());
        GuestLayout.putLong(b, 80, statfsFlags(v.mount()));
        t.memoryManager().copyOut(address, b);
        return 0;
    }

    /** ST_VALID and the mount's flags. */
    private static long statfsFlags(Mount m) {
        int f = m.flags();
        long st = 0x20;
        st |= m.isReadOnly() ? 1 : 0;
        st |= f & (Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC);
        st |= (f & Mount.MS_NOATIME) != 0 ? 1024 : 0;
        st |= (f & Mount.MS_RELATIME) != 0 ? 4096 : 0;
        return st;
    }
}
