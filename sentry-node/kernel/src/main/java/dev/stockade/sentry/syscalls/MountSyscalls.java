package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.FilesystemType;
import dev.stockade.sentry.vfs.Mount;
import dev.stockade.sentry.vfs.MountNamespace;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.nio.charset.StandardCharsets;

/** mount(2), umount2(2). */
final class MountSyscalls {
    private static final int MS_REMOUNT = 32;
    private static final int MS_BIND = 4096;
    private static final int MS_MOVE = 8192;
    private static final int MS_REC = 16384;
    private static final int MS_PROPAGATION = 1 << 17 | 1 << 18 | 1 << 19 | 1 << 20;
    private static final int MS_SHARED = 1 << 20;
    private static final int MNT_DETACH = 2;
    private static final int UMOUNT_NOFOLLOW = 8;
    private static final int CAP_SYS_ADMIN = 21;
    private static final int MAX_OPTIONS = 4096;

    private MountSyscalls() {}

    private static MountNamespace namespace(Task t) throws ErrnoException {
        MountNamespace ns = t.fsContext().root().mount().namespace();
        if (ns == null) {
            throw Errno.EINVAL.exception();
        }
        if (!t.credentials().hasCapability(CAP_SYS_ADMIN)) {
            throw Errno.EPERM.exception();
        }
        return ns;
    }

    static long mount(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        if ((flags & 0xffff0000) == 0xC0ED0000) {
            flags &= 0xffff;
        }
        VirtualDentry at = FileArguments.resolve(t, t.vfsContext(), AtFlags.AT_FDCWD, a.longAt(1), 0);
        MountNamespace ns = namespace(t);
        int mountFlags = flags & Mount.FLAGS;
        if ((flags & MS_REMOUNT) != 0) {
            ns.remount(at, mountFlags);
        } else if ((flags & MS_BIND) != 0) {
            VirtualDentry what = FileArguments.resolve(t, t.vfsContext(), AtFlags.AT_FDCWD, a.longAt(0), 0);
            ns.bind(at, what, (flags & MS_REC) != 0);
        } else if ((flags & MS_PROPAGATION) != 0) {
            if ((flags & MS_SHARED) != 0) {
                throw Errno.EINVAL.exception();
            }
        } else if ((flags & MS_MOVE) != 0) {
            throw Errno.EINVAL.exception();
        } else {
            FilesystemType type = t.kernel().vfs().type(string(t, a.longAt(2)));
            if (type == null) {
                throw Errno.ENODEV.exception();
            }
            String source = a.longAt(0) == 0 ? "none" : string(t, a.longAt(0));
            String options = a.longAt(4) == 0
                    ? ""
                    : new String(t.memoryManager().copyInString(a.longAt(4), MAX_OPTIONS), StandardCharsets.ISO_8859_1);
            Filesystem fs = type.make(t.vfsContext(), source, options);
            boolean mounted = false;
            try {
                ns.mount(at, fs, source, mountFlags);
                mounted = true;
            } finally {
                if (!mounted) {
                    fs.close();
                }
            }
        }
        return 0;
    }

    private static String string(Task t, long address) throws ErrnoException {
        return new String(FileArguments.path(t, address), StandardCharsets.ISO_8859_1);
    }

    static long umount2(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(1);
        FileArguments.checkFlags(flags, MNT_DETACH | UMOUNT_NOFOLLOW | 1);
        VirtualDentry at = FileArguments.resolve(
                t,
                t.vfsContext(),
                AtFlags.AT_FDCWD,
                a.longAt(0),
                (flags & UMOUNT_NOFOLLOW) != 0 ? AtFlags.AT_SYMLINK_NOFOLLOW : 0);
        namespace(t).unmount(at, (flags & MNT_DETACH) != 0);
        return 0;
    }
}
