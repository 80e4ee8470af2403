package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.kernel.SigInfo;
import dev.stockade.sentry.kernel.SignalSender;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.AttributeChanges;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Attributes changed: chmod(2), chown(2), utimensat(2), truncate(2), fallocate(2), xattr(7). */
final class FileAttributeSyscalls {
    private static final long NS = 1_000_000_000L;
    private static final long UTIME_NOW = 0x3fffffff;
    private static final long UTIME_OMIT = 0x3ffffffe;

    private static final int XATTR_NAME_MAX = 255;
    private static final int XATTR_SIZE_MAX = 65536;
    private static final int XATTR_LIST_MAX = 65536;

    private FileAttributeSyscalls() {}

    private static AttributeChanges attributes(Task t) {
        return t.kernel().vfs().changes().attributes();
    }

    // ---- mode and owner ----

    static long chmod(Task t, SyscallArgs a) throws ErrnoException {
        return chmod(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), 0);
    }

    static long fchmodat(Task t, SyscallArgs a) throws ErrnoException {
        return chmod(t, a.intAt(0), a.longAt(1), a.intAt(2), 0);
    }

    static long fchmodat2(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        FileArguments.checkFlags(flags, AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH);
        return chmod(t, a.intAt(0), a.longAt(1), a.intAt(2), flags);
    }

    private static long chmod(Task t, int dirfd, long address, int mode, int flags) throws ErrnoException {
        VirtualDentry v = FileArguments.resolve(t, t.vfsContext(), dirfd, address, flags);
        attributes(t).chmod(t.vfsContext(), v, mode);
        return 0;
    }

    static long fchmod(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> {
            attributes(t).chmod(t.vfsContext(), FileArguments.location(f, Errno.EINVAL), a.intAt(1));
            return 0;
        });
    }

    static long chown(Task t, SyscallArgs a) throws ErrnoException {
        return chown(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), a.intAt(2), 0);
    }

    static long lchown(Task t, SyscallArgs a) throws ErrnoException {
        return chown(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), a.intAt(2), AtFlags.AT_SYMLINK_NOFOLLOW);
    }

    static long fchownat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(4);
        FileArguments.checkFlags(flags, AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH);
        return chown(t, a.intAt(0), a.longAt(1), a.intAt(2), a.intAt(3), flags);
    }

    private static long chown(Task t, int dirfd, long address, int uid, int gid, int flags) throws ErrnoException {
        VirtualDentry v = FileArguments.resolve(t, t.vfsContext(), dirfd, address, flags);
        attributes(t).chown(t.vfsContext(), v, uid, gid);
        return 0;
    }

    static long fchown(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> {
            attributes(t).chown(t.vfsContext(), FileArguments.location(f, Errno.EINVAL), a.intAt(1), a.intAt(2));
            return 0;
        });
    }

    // ---- times ----

    static long utime(Task t, SyscallArgs a) throws ErrnoException {
        long atime = AttributeChanges.TIME_NOW;
        long mtime = AttributeChanges.TIME_NOW;
        if (a.longAt(1) != 0) {
            atime = time(t.memoryManager().readLong(a.longAt(1)), 0);
            mtime = time(t.memoryManager().readLong(a.longAt(1) + 8), 0);
        }
        return setTimes(t, AtFlags.AT_FDCWD, a.longAt(0), atime, mtime, 0);
    }

    static long utimes(Task t, SyscallArgs a) throws ErrnoException {
        return utimes(t, AtFlags.AT_FDCWD, a.longAt(0), a.longAt(1));
    }

    static long futimesat(Task t, SyscallArgs a) throws ErrnoException {
        return utimes(t, a.intAt(0), a.longAt(1), a.longAt(2));
    }

    private static long utimes(Task t, int dirfd, long path, long times) throws ErrnoException {
        long atime = AttributeChanges.TIME_NOW;
        long mtime = AttributeChanges.TIME_NOW;
        if (times != 0) {
            atime = timeval(t, times);
            mtime = timeval(t, times + 16);
        }
        return setTimes(t, dirfd, path, atime, mtime, 0);
    }

    private static long timeval(Task t, long address) throws ErrnoException {
        long us = t.memoryManager().readLong(address + 8);
        if (us < 0 || us >= 1_000_000) {
            throw Errno.EINVAL.exception();
        }
        return time(t.memoryManager().readLong(address), us * 1000);
    }

    static long utimensat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        FileArguments.checkFlags(flags, AtFlags.AT_SYMLINK_NOFOLLOW | AtFlags.AT_EMPTY_PATH);
        long atime = AttributeChanges.TIME_NOW;
        long mtime = AttributeChanges.TIME_NOW;
        if (a.longAt(2) != 0) {
            atime = timespec(t, a.longAt(2));
            mtime = timespec(t, a.longAt(2) + 16);
        }
        if (a.longAt(1) == 0) {
            if (flags != 0 || a.intAt(0) == AtFlags.AT_FDCWD) {
                throw (a.intAt(0) == AtFlags.AT_FDCWD ? Errno.EFAULT : Errno.EINVAL).exception();
            }
            long at = atime;
            long mt = mtime;
            return FileArguments.withFile(t, a.intAt(0), f -> {
                attributes(t).utimens(t.vfsContext(), FileArguments.location(f, Errno.EINVAL), at, mt);
                return 0;
            });
        }
        return setTimes(t, a.intAt(0), a.longAt(1), atime, mtime, flags);
    }

    private static long timespec(Task t, long address) throws ErrnoException {
        long ns = t.memoryManager().readLong(address + 8);
        if (ns == UTIME_NOW) {
            return AttributeChanges.TIME_NOW;
        }
        if (ns == UTIME_OMIT) {
            return AttributeChanges.TIME_OMIT;
        }
        if (ns < 0 || ns >= NS) {
            throw Errno.EINVAL.exception();
        }
        return time(t.memoryManager().readLong(address), ns);
    }

    /** Clamped to what 64 bits of nanoseconds hold (1677 to 2262), as file systems clamp to what they store. */
    private static long time(long seconds, long ns) {
        long limit = Long.MAX_VALUE / NS - 1;
        return Math.clamp(seconds, -limit, limit) * NS + ns;
    }

    private static long setTimes(Task t, int dirfd, long path, long atime, long mtime, int flags)
            throws ErrnoException {
        VirtualDentry v = FileArguments.resolve(t, t.vfsContext(), dirfd, path, flags);
        attributes(t).utimens(t.vfsContext(), v, atime, mtime);
        return 0;
    }

    // ---- size ----

    private static void checkSize(Task t, long size) throws ErrnoException {
        if (size < 0) {
            throw Errno.EINVAL.exception();
        }
        long limit = t.threadGroup().limits().soft(Resource.RLIMIT_FSIZE);
        if (limit != Resource.RLIM_INFINITY && Long.compareUnsigned(size, limit) > 0) {
            SignalSender.sendToTask(t, SigInfo.kernel(Signal.SIGXFSZ));
            throw Errno.EFBIG.exception();
        }
    }

    static long truncate(Task t, SyscallArgs a) throws ErrnoException {
        checkSize(t, a.longAt(1));
        VirtualDentry v = FileArguments.resolve(t, t.vfsContext(), AtFlags.AT_FDCWD, a.longAt(0), 0);
        attributes(t).truncate(t.vfsContext(), v, a.longAt(1));
        return 0;
    }

    static long ftruncate(Task t, SyscallArgs a) throws ErrnoException {
        checkSize(t, a.longAt(1));
        return FileArguments.withFile(t, a.intAt(0), f -> {
            Inode inode = f.inode();
            if (!f.isWritable() || inode == null || !inode.isRegular()) {
                throw Errno.EINVAL.exception();
            }
            f.truncate(a.longAt(1));
            return 0;
        });
    }

    static long fallocate(Task t, SyscallArgs a) throws ErrnoException {
        long offset = a.longAt(2);
        long length = a.longAt(3);
        if (offset < 0 || length <= 0) {
            throw Errno.EINVAL.exception();
        }
        return FileArguments.withFile(t, a.intAt(0), f -> {
            if (!f.isWritable()) {
                throw Errno.EBADF.exception();
            }
            Inode inode = f.inode();
            if (inode == null || !inode.isRegular()) {
                throw (inode != null && inode.type() == FileMode.S_IFIFO
                                ? Errno.ESPIPE
                                : inode != null && inode.isDirectory() ? Errno.EISDIR : Errno.ENODEV)
                        .exception();
            }
            if (a.intAt(1) == 0) {
                checkSize(t, offset > Long.MAX_VALUE - length ? Long.MAX_VALUE : offset + length);
            }
            f.allocate(a.intAt(1), offset, length);
            return 0;
        });
    }

    // ---- extended attributes ----

    private static String xattrName(Task t, long address) throws ErrnoException {
        byte[] name;
        try {
            name = t.memoryManager().copyInString(address, XATTR_NAME_MAX + 1);
        } catch (ErrnoException e) {
            throw e.errno() == Errno.ENAMETOOLONG ? Errno.ERANGE.exception() : e;
        }
        if (name.length == 0) {
            throw Errno.ERANGE.exception();
        }
        return new String(name, StandardCharsets.ISO_8859_1);
    }

    private interface XattrCall {
        long call(VirtualDentry where) throws ErrnoException;
    }

    private static long byPath(Task t, SyscallArgs a, boolean follow, XattrCall call) throws ErrnoException {
        return call.call(FileArguments.resolve(
                t, t.vfsContext(), AtFlags.AT_FDCWD, a.longAt(0), follow ? 0 : AtFlags.AT_SYMLINK_NOFOLLOW));
    }

    private static long byFile(Task t, SyscallArgs a, XattrCall call) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> call.call(FileArguments.location(f, Errno.EOPNOTSUPP)));
    }

    private static long get(Task t, SyscallArgs a, VirtualDentry where) throws ErrnoException {
        byte[] value = attributes(t).getXattr(t.vfsContext(), where, xattrName(t, a.longAt(1)));
        return give(t, value, a.longAt(2), a.longAt(3));
    }

    private static long give(Task t, byte[] value, long address, long size) throws ErrnoException {
        if (size == 0) {
            return value.length;
        }
        if (Long.compareUnsigned(size, value.length) < 0) {
            throw Errno.ERANGE.exception();
        }
        t.memoryManager().copyOut(address, value);
        return value.length;
    }

    private static long set(Task t, SyscallArgs a, VirtualDentry where) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        String name = xattrName(t, a.longAt(1));
        if (Long.compareUnsigned(a.longAt(3), XATTR_SIZE_MAX) > 0) {
            throw Errno.E2BIG.exception();
        }
        byte[] value = new byte[(int) a.longAt(3)];
        mm.copyIn(a.longAt(2), value);
        attributes(t).setXattr(t.vfsContext(), where, name, value, a.intAt(4));
        return 0;
    }

    private static long list(Task t, SyscallArgs a, VirtualDentry where) throws ErrnoException {
        List<String> names = where.dentry().requireInode().listXattrs();
        boolean trusted = t.credentials().hasCapability(21);
        StringBuilder b = new StringBuilder();
        for (String n : names) {
            if (trusted || !n.startsWith("trusted.")) {
                b.append(n).append('\0');
            }
        }
        byte[] bytes = b.toString().getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length > XATTR_LIST_MAX) {
            throw Errno.E2BIG.exception();
        }
        return give(t, bytes, a.longAt(1), a.longAt(2));
    }

    private static long remove(Task t, SyscallArgs a, VirtualDentry where) throws ErrnoException {
        attributes(t).removeXattr(t.vfsContext(), where, xattrName(t, a.longAt(1)));
        return 0;
    }

    static long setxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, true, v -> set(t, a, v));
    }

    static long lsetxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, false, v -> set(t, a, v));
    }

    static long fsetxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byFile(t, a, v -> set(t, a, v));
    }

    static long getxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, true, v -> get(t, a, v));
    }

    static long lgetxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, false, v -> get(t, a, v));
    }

    static long fgetxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byFile(t, a, v -> get(t, a, v));
    }

    static long listxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, true, v -> list(t, a, v));
    }

    static long llistxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, false, v -> list(t, a, v));
    }

    static long flistxattr(Task t, SyscallArgs a) throws ErrnoException {
        return byFile(t, a, v -> list(t, a, v));
    }

    static long removexattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, true, v -> remove(t, a, v));
    }

    static long lremovexattr(Task t, SyscallArgs a) throws ErrnoException {
        return byPath(t, a, false, v -> remove(t, a, v));
    }

    static long fremovexattr(Task t, SyscallArgs a) throws ErrnoException {
        return byFile(t, a, v -> remove(t, a, v));
    }
}
