package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.FileChanges;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.util.Arrays;

/** The tree: directories read and walked, names made, removed and renamed. */
final class FileTreeSyscalls {
    private static final int CAP_DAC_READ_SEARCH = 2;
    private static final int CAP_SYS_CHROOT = 18;

    /** Most that one getdents transfers here; programs ask for 32 KiB. */
    private static final int MAX_DIRENTS = 1 << 18;

    private FileTreeSyscalls() {}

    private static FileChanges changes(Task t) {
        return t.kernel().vfs().changes();
    }

    // ---- reading directories ----

    static long getdents64(Task t, SyscallArgs a) throws ErrnoException {
        return getdents(t, a, true);
    }

    static long getdents(Task t, SyscallArgs a) throws ErrnoException {
        return getdents(t, a, false);
    }

    private static long getdents(Task t, SyscallArgs a, boolean is64) throws ErrnoException {
        int size = (int) Math.min(a.intAt(2) & 0xffffffffL, MAX_DIRENTS);
        return FileArguments.withFile(t, a.intAt(0), f -> {
            byte[] buffer = new byte[size];
            int[] state = new int[2];
            f.iterateDirents((name, ino, type, next) -> {
                int at = state[0];
                int header = is64 ? 19 : 18;
                int length = (header + name.length + (is64 ? 1 : 2) + 7) & ~7;
                if (at + length > size) {
                    state[1] = 1;
                    return false;
                }
                GuestLayout.putLong(buffer, at, ino);
                GuestLayout.putLong(buffer, at + 8, next);
                GuestLayout.putShort(buffer, at + 16, length);
                if (is64) {
                    buffer[at + 18] = (byte) type;
                } else {
                    buffer[at + length - 1] = (byte) type;
                }
                System.arraycopy(name, 0, buffer, at + header, name.length);
                state[0] = at + length;
                return true;
            });
            if (state[0] == 0 && state[1] != 0) {
                throw Errno.EINVAL.exception();
            }
            t.memoryManager().copyOut(a.longAt(1), Arrays.copyOf(buffer, state[0]));
            return state[0];
        });
    }

    // ---- where a task is ----

    static long getcwd(Task t, SyscallArgs a) throws ErrnoException {
        byte[] path = t.kernel().vfs().getcwd(t.vfsContext());
        if (Long.compareUnsigned(a.longAt(1), path.length + 1) < 0) {
            throw Errno.ERANGE.exception();
        }
        t.memoryManager().copyOut(a.longAt(0), Arrays.copyOf(path, path.length + 1));
        return path.length + 1L;
    }

    static long chdir(Task t, SyscallArgs a) throws ErrnoException {
        byte[] path = FileArguments.path(t, a.longAt(0));
        t.fsContext().setCwd(t.kernel().vfs().resolveDirectory(t.vfsContext(), null, path));
        return 0;
    }

    static long fchdir(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withAnyFile(t, a.intAt(0), f -> {
            VirtualDentry at = FileArguments.location(f, Errno.ENOTDIR);
            if (!at.dentry().isDirectory()) {
                throw Errno.ENOTDIR.exception();
            }
            at.dentry().requireInode().checkAccess(t.vfsContext(), FileMode.MAY_EXEC);
            t.fsContext().setCwd(at);
            return 0;
        });
    }

    static long chroot(Task t, SyscallArgs a) throws ErrnoException {
        byte[] path = FileArguments.path(t, a.longAt(0));
        VirtualDentry to = t.kernel().vfs().resolveDirectory(t.vfsContext(), null, path);
        if (!t.credentials().hasCapability(CAP_SYS_CHROOT)) {
            throw Errno.EPERM.exception();
        }
        t.fsContext().setRoot(to);
        return 0;
    }

    static long umask(Task t, SyscallArgs a) {
        return t.fsContext().setUmask(a.intAt(0));
    }

    // ---- making ----

    static long mkdir(Task t, SyscallArgs a) throws ErrnoException {
        return mkdir(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1));
    }

    static long mkdirat(Task t, SyscallArgs a) throws ErrnoException {
        return mkdir(t, a.intAt(0), a.longAt(1), a.intAt(2));
    }

    private static long mkdir(Task t, int dirfd, long address, int mode) throws ErrnoException {
        byte[] path = FileArguments.path(t, address);
        changes(t).mkdir(t.vfsContext(), FileArguments.start(t, dirfd, path), path, mode);
        return 0;
    }

    static long mknod(Task t, SyscallArgs a) throws ErrnoException {
        return mknod(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), a.intAt(2));
    }

    static long mknodat(Task t, SyscallArgs a) throws ErrnoException {
        return mknod(t, a.intAt(0), a.longAt(1), a.intAt(2), a.intAt(3));
    }

    private static long mknod(Task t, int dirfd, long address, int mode, int device) throws ErrnoException {
        byte[] path = FileArguments.path(t, address);
        changes(t).mknod(t.vfsContext(), FileArguments.start(t, dirfd, path), path, mode, device & 0xffffffffL);
        return 0;
    }

    static long symlink(Task t, SyscallArgs a) throws ErrnoException {
        return symlink(t, a.longAt(0), AtFlags.AT_FDCWD, a.longAt(1));
    }

    static long symlinkat(Task t, SyscallArgs a) throws ErrnoException {
        return symlink(t, a.longAt(0), a.intAt(1), a.longAt(2));
    }

    private static long symlink(Task t, long target, int dirfd, long address) throws ErrnoException {
        byte[] to = FileArguments.path(t, target);
        byte[] path = FileArguments.path(t, address);
        changes(t).symlink(t.vfsContext(), to, FileArguments.start(t, dirfd, path), path);
        return 0;
    }

    static long link(Task t, SyscallArgs a) throws ErrnoException {
        return link(t, AtFlags.AT_FDCWD, a.longAt(0), AtFlags.AT_FDCWD, a.longAt(1), 0);
    }

    static long linkat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(4);
        FileArguments.checkFlags(flags, AtFlags.AT_SYMLINK_FOLLOW | AtFlags.AT_EMPTY_PATH);
        if ((flags & AtFlags.AT_EMPTY_PATH) != 0 && !t.credentials().hasCapability(CAP_DAC_READ_SEARCH)) {
            // Whoever was handed a descriptor could give its file a name, where others' permissions apply.
            throw Errno.ENOENT.exception();
        }
        return link(t, a.intAt(0), a.longAt(1), a.intAt(2), a.longAt(3), flags);
    }

    private static long link(Task t, int oldDir, long oldAddress, int newDir, long newAddress, int flags)
            throws ErrnoException {
        byte[] oldPath = FileArguments.path(t, oldAddress);
        byte[] newPath = FileArguments.path(t, newAddress);
        int f = ((flags & AtFlags.AT_SYMLINK_FOLLOW) != 0 ? VirtualFilesystem.FOLLOW : 0)
                | ((flags & AtFlags.AT_EMPTY_PATH) != 0 ? VirtualFilesystem.EMPTY_PATH : 0);
        changes(t)
                .link(
                        t.vfsContext(),
                        FileArguments.start(t, oldDir, oldPath),
                        oldPath,
                        FileArguments.start(t, newDir, newPath),
                        newPath,
                        f);
        return 0;
    }

    // ---- removing ----

    static long unlink(Task t, SyscallArgs a) throws ErrnoException {
        return unlink(t, AtFlags.AT_FDCWD, a.longAt(0));
    }

    static long rmdir(Task t, SyscallArgs a) throws ErrnoException {
        return rmdir(t, AtFlags.AT_FDCWD, a.longAt(0));
    }

    static long unlinkat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(2);
        FileArguments.checkFlags(flags, AtFlags.AT_REMOVEDIR);
        return flags != 0 ? rmdir(t, a.intAt(0), a.longAt(1)) : unlink(t, a.intAt(0), a.longAt(1));
    }

    private static long unlink(Task t, int dirfd, long address) throws ErrnoException {
        byte[] path = FileArguments.path(t, address);
        changes(t).unlink(t.vfsContext(), FileArguments.start(t, dirfd, path), path);
        return 0;
    }

    private static long rmdir(Task t, int dirfd, long address) throws ErrnoException {
        byte[] path = FileArguments.path(t, address);
        changes(t).rmdir(t.vfsContext(), FileArguments.start(t, dirfd, path), path);
        return 0;
    }

    // ---- renaming ----

    static long rename(Task t, SyscallArgs a) throws ErrnoException {
        return rename(t, AtFlags.AT_FDCWD, a.longAt(0), AtFlags.AT_FDCWD, a.longAt(1), 0);
    }

    static long renameat(Task t, SyscallArgs a) throws ErrnoException {
        return rename(t, a.intAt(0), a.longAt(1), a.intAt(2), a.longAt(3), 0);
    }

    static long renameat2(Task t, SyscallArgs a) throws ErrnoException {
        return rename(t, a.intAt(0), a.longAt(1), a.intAt(2), a.longAt(3), a.intAt(4));
    }

    private static long rename(Task t, int oldDir, long oldAddress, int newDir, long newAddress, int flags)
            throws ErrnoException {
        byte[] oldPath = FileArguments.path(t, oldAddress);
        byte[] newPath = FileArguments.path(t, newAddress);
        changes(t)
                .rename(
                        t.vfsContext(),
                        FileArguments.start(t, oldDir, oldPath),
                        oldPath,
                        FileArguments.start(t, newDir, newPath),
                        newPath,
                        flags);
        return 0;
    }

    // ---- durability ----

    /** Nothing is kept anywhere that a sync could reach: memory is where files live. */
    static long sync(Task t, SyscallArgs a) {
        return 0;
    }

    static long fsync(Task t, SyscallArgs a) throws ErrnoException {
        return sync(t, a, false);
    }

    static long fdatasync(Task t, SyscallArgs a) throws ErrnoException {
        return sync(t, a, true);
    }

    private static long sync(Task t, SyscallArgs a, boolean dataOnly) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), (FileDescription f) -> {
            f.sync(dataOnly);
            return 0;
        });
    }

    static long syncfs(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withFile(t, a.intAt(0), f -> 0);
    }
}
