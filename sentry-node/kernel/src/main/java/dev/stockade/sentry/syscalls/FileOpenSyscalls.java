package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.fs.pipe.Pipes;
import dev.stockade.sentry.kernel.FdTable;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskBlocking;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.Waitable;

/** Descriptors: open(2), close(2), dup(2), pipe(2), ... */
final class FileOpenSyscalls {
    private static final int CLOSE_RANGE_UNSHARE = 2;
    private static final int CLOSE_RANGE_CLOEXEC = 4;

    private FileOpenSyscalls() {}

    static long open(Task t, SyscallArgs a) throws ErrnoException {
        return open(t, AtFlags.AT_FDCWD, a.longAt(0), a.intAt(1), a.intAt(2));
    }

    static long creat(Task t, SyscallArgs a) throws ErrnoException {
        int flags = OpenFlags.O_CREAT | OpenFlags.O_WRONLY | OpenFlags.O_TRUNC;
        return open(t, AtFlags.AT_FDCWD, a.longAt(0), flags, a.intAt(1));
    }

    static long openat(Task t, SyscallArgs a) throws ErrnoException {
        return open(t, a.intAt(0), a.longAt(1), a.intAt(2), a.intAt(3));
    }

    private static long open(Task t, int dirfd, long address, int flags, int mode) throws ErrnoException {
        byte[] path = FileArguments.path(t, address);
        int f = (flags & OpenFlags.O_PATH) != 0 ? flags : flags | OpenFlags.O_LARGEFILE;
        FileDescription file =
                t.kernel().vfs().open(t.vfsContext(), FileArguments.start(t, dirfd, path), path, f, mode);
        boolean opened = false;
        try {
            awaitOpen(t, file);
            opened = true;
        } finally {
            if (!opened) {
                file.decRef();
            }
        }
        return FileArguments.install(t, file, flags);
    }

    /** Waits for the other end of a FIFO. */
    private static void awaitOpen(Task t, FileDescription file) throws ErrnoException {
        Waitable pending = file.pendingOpen();
        if (pending == null) {
            return;
        }
        TaskBlocking blocking = t.blocking();
        WaitEntry entry = blocking.newEntry();
        blocking.prepare();
        pending.register(entry, -1);
        try {
            while (file.pendingOpen() != null) {
                if (blocking.sleep() == TaskBlocking.Wake.INTERRUPTED) {
                    throw Errno.ERESTARTSYS.exception();
                }
            }
        } finally {
            pending.unregister(entry);
        }
    }

    static long close(Task t, SyscallArgs a) throws ErrnoException {
        FdTable table = t.fdTable();
        FileDescription f = table.remove(a.intAt(0));
        if (f == null) {
            throw Errno.EBADF.exception();
        }
        try {
            f.releaseRecordLocks(table);
            f.flush();
        } finally {
            f.decRef();
        }
        return 0;
    }

    static long close_range(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(2);
        FileArguments.checkFlags(flags, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC);
        long first = a.intAt(0) & 0xffffffffL;
        long last = a.intAt(1) & 0xffffffffL;
        if (first > last) {
            throw Errno.EINVAL.exception();
        }
        if ((flags & CLOSE_RANGE_UNSHARE) != 0) {
            t.unshareFdTable();
        }
        if (first > Integer.MAX_VALUE) {
            return 0;
        }
        int to = (int) Math.min(last, Integer.MAX_VALUE);
        if ((flags & CLOSE_RANGE_CLOEXEC) != 0) {
            t.fdTable().closeOnExecRange((int) first, to);
        } else {
            t.fdTable().closeRange((int) first, to);
        }
        return 0;
    }

    static long dup(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withAnyFile(
                t, a.intAt(0), f -> t.fdTable().install(f, 0, false, FileArguments.descriptorLimit(t)));
    }

    static long dup2(Task t, SyscallArgs a) throws ErrnoException {
        return FileArguments.withAnyFile(t, a.intAt(0), f -> {
            int to = a.intAt(1);
            if (to != a.intAt(0)) {
                t.fdTable().installAt(to, f, false, FileArguments.descriptorLimit(t));
            }
            return to;
        });
    }

    static long dup3(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(2);
        FileArguments.checkFlags(flags, OpenFlags.O_CLOEXEC);
        int to = a.intAt(1);
        if (to == a.intAt(0)) {
            throw Errno.EINVAL.exception();
        }
        return FileArguments.withAnyFile(t, a.intAt(0), f -> {
            t.fdTable().installAt(to, f, flags != 0, FileArguments.descriptorLimit(t));
            return to;
        });
    }

    static long pipe(Task t, SyscallArgs a) throws ErrnoException {
        return pipe(t, a.longAt(0), 0);
    }

    static long pipe2(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(1);
        FileArguments.checkFlags(flags, OpenFlags.O_CLOEXEC | OpenFlags.O_NONBLOCK | OpenFlags.O_DIRECT);
        if ((flags & OpenFlags.O_DIRECT) != 0) {
            throw Errno.EINVAL.exception();
        }
        return pipe(t, a.longAt(0), flags);
    }

    private static long pipe(Task t, long address, int flags) throws ErrnoException {
        Pipes.Ends ends = Pipes.create(
                t.kernel().vfs(), t.credentials().fsuid(), t.credentials().fsgid(), flags);
        int read = -1;
        int write = -1;
        boolean done = false;
        FdTable table = t.fdTable();
        boolean closeOnExec = (flags & OpenFlags.O_CLOEXEC) != 0;
        long limit = FileArguments.descriptorLimit(t);
        try {
            read = table.install(ends.read(), 0, closeOnExec, limit);
            write = table.install(ends.write(), 0, closeOnExec, limit);
            byte[] pair = new byte[8];
            GuestLayout.putInt(pair, 0, read);
            GuestLayout.putInt(pair, 4, write);
            t.memoryManager().copyOut(address, pair);
            done = true;
        } finally {
            if (!done) {
                drop(table, read);
                drop(table, write);
            }
            ends.read().decRef();
            ends.write().decRef();
        }
        return 0;
    }

    private static void drop(FdTable table, int fd) {
        FileDescription f = fd < 0 ? null : table.remove(fd);
        if (f != null) {
            f.decRef();
        }
    }
}
