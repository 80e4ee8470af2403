package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.CloneFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.kernel.ChildWait;
import dev.stockade.sentry.kernel.Executables;
import dev.stockade.sentry.kernel.JobControl;
import dev.stockade.sentry.kernel.RunState;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskClone;
import dev.stockade.sentry.kernel.TaskExec;
import dev.stockade.sentry.kernel.TaskExit;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Processes: making, replacing, ending and waiting for them; their ids. */
final class Processes {
    private Processes() {}

    private static final int PATH_MAX = 4096;
    private static final int AT_FDCWD = -100;
    private static final int AT_SYMLINK_NOFOLLOW = 0x100;
    private static final int AT_EMPTY_PATH = 0x1000;

    /** Arguments and environment together: a quarter of the stack, 128 KiB to 6 MiB (execve(2)). */
    private static final long ARGUMENTS_MIN = 128 << 10;

    private static final long ARGUMENTS_MAX = 6 << 20;

    static RunState clone(Task t, SyscallArgs a) throws ErrnoException {
        long flags = a.longAt(0) & 0xffffffffL;
        int signal = (int) (flags & CloneFlags.CSIGNAL);
        return TaskClone.clone(
                t,
                new TaskClone.Request(
                        flags & ~CloneFlags.CSIGNAL & ~CloneFlags.CLONE_NEWTIME,
                        (flags & CloneFlags.CLONE_THREAD) != 0 ? 0 : signal,
                        a.longAt(1),
                        a.longAt(2),
                        a.longAt(3),
                        a.longAt(4)));
    }

    static RunState clone3(Task t, SyscallArgs a) throws ErrnoException {
        long address = a.longAt(0);
        long size = a.longAt(1);
        if (size < 64) {
            throw Errno.EINVAL.exception();
        }
        if (size > 4096) {
            throw Errno.E2BIG.exception();
        }
        byte[] raw = new byte[(int) Math.max(size, 88)];
        byte[] given = new byte[(int) size];
        t.memoryManager().copyIn(address, given);
        System.arraycopy(given, 0, raw, 0, given.length);
        for (int i = 88; i < raw.length; i++) {
            if (raw[i] != 0) {
                throw Errno.E2BIG.exception();
            }
        }
        ByteBuffer b = ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN);
        long flags = b.getLong(0);
        long exitSignal = b.getLong(32);
        long stack = b.getLong(40);
        long stackSize = b.getLong(48);
        long setTidSize = b.getLong(72);
        boolean bad = (flags & ~0x3_ffff_ffffL) != 0
                || (flags & (CloneFlags.CLONE_DETACHED | (CloneFlags.CSIGNAL & ~CloneFlags.CLONE_NEWTIME))) != 0
                || (exitSignal & ~CloneFlags.CSIGNAL) != 0
                || exitSignal > Signal.SIGNAL_MAX
                || ((flags & (CloneFlags.CLONE_THREAD | CloneFlags.CLONE_PARENT)) != 0 && exitSignal != 0)
                || (stack == 0) != (stackSize == 0)
                || setTidSize != 0;
        if (bad) {
            throw Errno.EINVAL.exception();
        }
        return TaskClone.clone(
                t,
                new TaskClone.Request(
                        flags,
                        (int) exitSignal,
                        stack == 0 ? 0 : stack + stackSize,
                        b.getLong(24),
                        b.getLong(16),
                        b.getLong(56)));
    }

    static RunState fork(Task t, SyscallArgs a) throws ErrnoException {
        return TaskClone.clone(t, new TaskClone.Request(0, Signal.SIGCHLD, 0, 0, 0, 0));
    }

    static RunState vfork(Task t, SyscallArgs a) throws ErrnoException {
        return TaskClone.clone(
                t, new TaskClone.Request(CloneFlags.CLONE_VFORK | CloneFlags.CLONE_VM, Signal.SIGCHLD, 0, 0, 0, 0));
    }

    static RunState execve(Task t, SyscallArgs a) throws ErrnoException {
        byte[] path = t.memoryManager().copyInString(a.longAt(0), PATH_MAX);
        return exec(t, null, path, VirtualFilesystem.FOLLOW, path, a.longAt(1), a.longAt(2));
    }

    static RunState execveat(Task t, SyscallArgs a) throws ErrnoException {
        int fd = a.intAt(0);
        byte[] path = t.memoryManager().copyInString(a.longAt(1), PATH_MAX);
        int flags = a.intAt(4);
        if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) {
            throw Errno.EINVAL.exception();
        }
        int resolve = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? 0 : VirtualFilesystem.FOLLOW;
        if ((flags & AT_EMPTY_PATH) != 0) {
            resolve |= VirtualFilesystem.EMPTY_PATH;
        }
        if (fd == AT_FDCWD || (path.length > 0 && path[0] == '/')) {
            return exec(t, null, path, resolve, path, a.longAt(2), a.longAt(3));
        }
        FileDescription file = t.fdTable().get(fd);
        try {
            VirtualDentry start = file.location();
            if (start == null) {
                throw Errno.EACCES.exception();
            }
            String name =
                    "/dev/fd/" + fd + (path.length == 0 ? "" : "/" + new String(path, StandardCharsets.ISO_8859_1));
            return exec(t, start, path, resolve, name.getBytes(StandardCharsets.ISO_8859_1), a.longAt(2), a.longAt(3));
        } finally {
            file.decRef();
        }
    }

    private static RunState exec(
            Task t, @Nullable VirtualDentry start, byte[] path, int flags, byte[] name, long argv, long envp)
            throws ErrnoException {
        long limit =
                Math.clamp(t.threadGroup().limits().soft(Resource.RLIMIT_STACK) >>> 2, ARGUMENTS_MIN, ARGUMENTS_MAX);
        try (ExecStrings strings = new ExecStrings(t, limit)) {
            List<byte[]> arguments = strings.read(argv);
            List<byte[]> environment = strings.read(envp);
            if (arguments.isEmpty()) {
                arguments = List.of(new byte[0]); // since Linux 5.18 a program has an argv[0]
            }
            Executables.Prepared p = Executables.load(t, start, path, flags, name, arguments, environment);
            return TaskExec.execve(t, p.program(), p.credentials(), p.comm());
        }
    }

    static RunState exit(Task t, SyscallArgs a) {
        return TaskExit.exit(t, a.intAt(0));
    }

    static RunState exit_group(Task t, SyscallArgs a) {
        return TaskExit.exitGroup(t, a.intAt(0));
    }

    static long wait4(Task t, SyscallArgs a) throws ErrnoException {
        int pid = a.intAt(0);
        int options = a.intAt(2);
        int valid = ChildWait.WNOHANG
                | ChildWait.WUNTRACED
                | ChildWait.WCONTINUED
                | ChildWait.WNOTHREAD
                | ChildWait.WALL
                | ChildWait.WCLONE;
        if ((options & ~valid) != 0) {
            throw Errno.EINVAL.exception();
        }
        if (pid == Integer.MIN_VALUE) {
            throw Errno.ESRCH.exception();
        }
        ChildWait.Selector selector = pid > 0
                ? new ChildWait.Selector(pid, 0)
                : pid == -1
                        ? ChildWait.Selector.ANY
                        : new ChildWait.Selector(
                                0, pid == 0 ? t.threadGroup().processGroup().id() : -pid);
        ChildWait.Result r = ChildWait.wait(t, selector, options | ChildWait.WEXITED);
        if (r == null) {
            return 0;
        }
        MemoryManager mm = t.memoryManager();
        if (a.longAt(1) != 0) {
            mm.writeInt(a.longAt(1), r.status());
        }
        if (a.longAt(3) != 0) {
            mm.copyOut(a.longAt(3), Resources.rusage(r.usage(), r.maxResident()));
        }
        return r.pid();
    }

    private static final int P_ALL = 0;
    private static final int P_PID = 1;
    private static final int P_PGID = 2;

    static long waitid(Task t, SyscallArgs a) throws ErrnoException {
        int id = a.intAt(1);
        int options = a.intAt(3);
        int events = ChildWait.WEXITED | ChildWait.WUNTRACED | ChildWait.WCONTINUED;
        int valid = events
                | ChildWait.WNOHANG
                | ChildWait.WNOWAIT
                | ChildWait.WNOTHREAD
                | ChildWait.WALL
                | ChildWait.WCLONE;
        if ((options & ~valid) != 0 || (options & events) == 0) {
            throw Errno.EINVAL.exception();
        }
        ChildWait.Selector selector;
        switch (a.intAt(0)) {
            case P_ALL -> selector = ChildWait.Selector.ANY;
            case P_PID -> {
                if (id <= 0) {
                    throw Errno.EINVAL.exception();
                }
                selector = new ChildWait.Selector(id, 0);
            }
            case P_PGID -> {
                if (id < 0) {
                    throw Errno.EINVAL.exception();
                }
                selector = new ChildWait.Selector(
                        0, id == 0 ? t.threadGroup().processGroup().id() : id);
            }
            default -> throw Errno.EINVAL.exception();
        }
        ChildWait.Result r = ChildWait.wait(t, selector, options);
        MemoryManager mm = t.memoryManager();
        long info = a.longAt(2);
        if (info != 0) {
            // waitid(2) writes these fields alone.
            mm.writeInt(info, r == null ? 0 : Signal.SIGCHLD);
            mm.writeInt(info + 4, 0);
            mm.writeInt(info + 8, r == null ? 0 : r.code());
            mm.writeInt(info + 16, r == null ? 0 : r.pid());
            mm.writeInt(info + 20, r == null ? 0 : r.uid());
            mm.writeInt(info + 24, r == null ? 0 : r.signalStatus());
        }
        if (a.longAt(4) != 0 && r != null) {
            mm.copyOut(a.longAt(4), Resources.rusage(r.usage(), r.maxResident()));
        }
        return 0;
    }

    static long getpid(Task t, SyscallArgs a) {
        return t.threadGroup().pid();
    }

    static long gettid(Task t, SyscallArgs a) {
        return t.tid();
    }

    static long getppid(Task t, SyscallArgs a) {
        return t.threadGroup().parentPid();
    }

    static long set_tid_address(Task t, SyscallArgs a) {
        t.setClearTid(a.longAt(0));
        return t.tid();
    }

    static long setsid(Task t, SyscallArgs a) throws ErrnoException {
        return JobControl.setsid(t);
    }

    static long setpgid(Task t, SyscallArgs a) throws ErrnoException {
        int pid = a.intAt(0);
        if (pid < 0) {
            throw Errno.ESRCH.exception();
        }
        JobControl.setpgid(t, pid, a.intAt(1));
        return 0;
    }

    static long getpgid(Task t, SyscallArgs a) throws ErrnoException {
        return JobControl.getpgid(t, a.intAt(0), false);
    }

    static long getpgrp(Task t, SyscallArgs a) throws ErrnoException {
        return JobControl.getpgid(t, 0, false);
    }

    static long getsid(Task t, SyscallArgs a) throws ErrnoException {
        return JobControl.getpgid(t, a.intAt(0), true);
    }

    static long unshare(Task t, SyscallArgs a) throws ErrnoException {
        long flags = a.longAt(0) & 0xffffffffL;
        long known = CloneFlags.NAMESPACES
                | CloneFlags.CLONE_VM
                | CloneFlags.CLONE_FS
                | CloneFlags.CLONE_FILES
                | CloneFlags.CLONE_SIGHAND
                | CloneFlags.CLONE_THREAD
                | CloneFlags.CLONE_SYSVSEM;
        if ((flags & ~known) != 0) {
            throw Errno.EINVAL.exception();
        }
        if ((flags & (CloneFlags.CLONE_VM | CloneFlags.CLONE_SIGHAND | CloneFlags.CLONE_THREAD)) != 0
                && t.threadGroup().tasks().size() > 1) {
            throw Errno.EINVAL.exception();
        }
        long namespaces = flags & CloneFlags.NAMESPACES;
        if (namespaces != 0 && !t.credentials().hasCapability(dev.stockade.sentry.abi.Capability.CAP_SYS_ADMIN)) {
            throw Errno.EPERM.exception();
        }
        if ((namespaces & ~CloneFlags.CLONE_NEWUTS) != 0) {
            throw Errno.EINVAL.exception();
        }
        if ((flags & CloneFlags.CLONE_FILES) != 0) {
            t.unshareFdTable();
        }
        if ((flags & CloneFlags.CLONE_FS) != 0) {
            t.unshareFsContext();
        }
        if ((flags & CloneFlags.CLONE_NEWUTS) != 0) {
            t.setUtsNamespace(t.utsNamespace().copy());
        }
        return 0;
    }
}
