package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.fs.pipe.PipeFile;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskBlocking;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.FileLocks;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.waiter.WaitEntry;

/** fcntl(2), flock(2), ioctl(2). */
final class FileControlSyscalls {
    private static final int F_DUPFD = 0;
    private static final int F_GETFD = 1;
    private static final int F_SETFD = 2;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_GETLK = 5;
    private static final int F_SETLK = 6;
    private static final int F_SETLKW = 7;
    private static final int F_SETOWN = 8;
    private static final int F_GETOWN = 9;
    private static final int F_OFD_GETLK = 36;
    private static final int F_OFD_SETLK = 37;
    private static final int F_OFD_SETLKW = 38;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_SETPIPE_SZ = 1031;
    private static final int F_GETPIPE_SZ = 1032;
    private static final int FD_CLOEXEC = 1;

    private static final int F_RDLCK = 0;
    private static final int F_WRLCK = 1;
    private static final int F_UNLCK = 2;

    private static final int LOCK_SH = 1;
    private static final int LOCK_EX = 2;
    private static final int LOCK_NB = 4;
    private static final int LOCK_UN = 8;

    /** Ranges that one owner may hold on one file. */
    private static final int MAX_RANGES = 1024;

    private static final int FIONCLEX = 0x5450;
    private static final int FIOCLEX = 0x5451;
    private static final int FIOASYNC = 0x5452;
    private static final int FIONBIO = 0x5421;
    private static final int FIONREAD = 0x541B;
    private static final int CAP_SYS_RESOURCE = 24;

    private static final int SETTABLE =
            OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_ASYNC | OpenFlags.O_DIRECT | OpenFlags.O_NOATIME;

    private FileControlSyscalls() {}

    static long fcntl(Task t, SyscallArgs a) throws ErrnoException {
        int fd = a.intAt(0);
        int command = a.intAt(1);
        return FileArguments.withAnyFile(t, fd, f -> {
            if (f.isPath()) {
                switch (command) {
                    case F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL -> {}
                    default -> throw Errno.EBADF.exception();
                }
            }
            return fcntl(t, f, fd, command, a.longAt(2));
        });
    }

    private static long fcntl(Task t, FileDescription f, int fd, int command, long argument) throws ErrnoException {
        return switch (command) {
            case F_DUPFD, F_DUPFD_CLOEXEC -> {
                long limit = FileArguments.descriptorLimit(t);
                if ((int) argument < 0 || Long.compareUnsigned((int) argument, limit) >= 0) {
                    throw Errno.EINVAL.exception();
                }
                yield t.fdTable().install(f, (int) argument, command == F_DUPFD_CLOEXEC, limit);
            }
            case F_GETFD -> t.fdTable().closeOnExec(fd) ? FD_CLOEXEC : 0;
            case F_SETFD -> {
                t.fdTable().setCloseOnExec(fd, (argument & FD_CLOEXEC) != 0);
                yield 0;
            }
            case F_GETFL -> f.statusFlags();
            case F_SETFL -> {
                f.setStatusFlags((f.statusFlags() & ~SETTABLE) | ((int) argument & SETTABLE));
                yield 0;
            }
            case F_GETLK -> getLock(t, f, argument, t.fdTable());
            case F_OFD_GETLK -> getLock(t, f, argument, f);
            case F_SETLK -> setLock(t, f, argument, t.fdTable(), t.threadGroup().pid(), false);
            case F_SETLKW ->
                setLock(t, f, argument, t.fdTable(), t.threadGroup().pid(), true);
            case F_OFD_SETLK -> setLock(t, f, argument, f, -1, false);
            case F_OFD_SETLKW -> setLock(t, f, argument, f, -1, true);
            case F_SETOWN -> {
                f.setOwner((int) argument);
                yield 0;
            }
            case F_GETOWN -> f.owner();
            case F_SETPIPE_SZ -> {
                if (!(f instanceof PipeFile p)) {
                    throw Errno.EBADF.exception();
                }
                yield p.setCapacity(argument & 0xffffffffL, t.credentials().hasCapability(CAP_SYS_RESOURCE));
            }
            case F_GETPIPE_SZ -> {
                if (!(f instanceof PipeFile p)) {
                    throw Errno.EBADF.exception();
                }
                yield p.capacity();
            }
            default -> throw Errno.EINVAL.exception();
        };
    }

    // ---- record locks ----

    private static FileLocks.Range range(FileDescription f, byte[] flock, Object owner, int pid) throws ErrnoException {
        int type = GuestLayout.getShort(flock, 0);
        if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK) {
            throw Errno.EINVAL.exception();
        }
        Inode inode = f.inode();
        long base = switch (GuestLayout.getShort(flock, 2)) {
            case 0 -> 0;
            case 1 -> f.seek(0, 1);
            case 2 -> inode == null ? 0 : inode.stat().size();
            default -> throw Errno.EINVAL.exception();
        };
        long start = GuestLayout.getLong(flock, 8);
        long length = GuestLayout.getLong(flock, 16);
        if (start > Long.MAX_VALUE - base) {
            throw Errno.EOVERFLOW.exception();
        }
        start += base;
        long end;
        if (length > 0) {
            if (length - 1 > Long.MAX_VALUE - start) {
                throw Errno.EOVERFLOW.exception();
            }
            end = start > Long.MAX_VALUE - length ? Long.MAX_VALUE : start + length;
        } else if (length < 0) {
            end = start;
            start += length;
        } else {
            end = Long.MAX_VALUE;
        }
        if (start < 0) {
            throw Errno.EINVAL.exception();
        }
        return new FileLocks.Range(owner, type == F_WRLCK, start, end, pid);
    }

    private static FileLocks locks(FileDescription f) throws ErrnoException {
        Inode inode = f.inode();
        if (inode == null) {
            throw Errno.EBADF.exception();
        }
        return inode.locks();
    }

    private static long getLock(Task t, FileDescription f, long address, Object owner) throws ErrnoException {
        byte[] flock = new byte[32];
        t.memoryManager().copyIn(address, flock);
        if (owner == f && GuestLayout.getInt(flock, 24) != 0) {
            throw Errno.EINVAL.exception();
        }
        int type = GuestLayout.getShort(flock, 0);
        if (type != F_RDLCK && type != F_WRLCK) {
            throw Errno.EINVAL.exception();
        }
        FileLocks.Range other = locks(f).conflict(range(f, flock, owner, 0));
        if (other == null) {
            GuestLayout.putShort(flock, 0, F_UNLCK);
        } else {
            GuestLayout.putShort(flock, 0, other.exclusive() ? F_WRLCK : F_RDLCK);
            GuestLayout.putShort(flock, 2, 0);
            GuestLayout.putLong(flock, 8, other.start());
            GuestLayout.putLong(flock, 16, other.end() == Long.MAX_VALUE ? 0 : other.end() - other.start());
            GuestLayout.putInt(flock, 24, other.pid());
        }
        t.memoryManager().copyOut(address, flock);
        return 0;
    }

    private static long setLock(Task t, FileDescription f, long address, Object owner, int pid, boolean wait)
            throws ErrnoException {
        byte[] flock = new byte[32];
        t.memoryManager().copyIn(address, flock);
        if (owner == f && GuestLayout.getInt(flock, 24) != 0) {
            throw Errno.EINVAL.exception();
        }
        FileLocks.Range wanted = range(f, flock, owner, pid);
        FileLocks locks = locks(f);
        if (GuestLayout.getShort(flock, 0) == F_UNLCK) {
            locks.unlock(owner, wanted.start(), wanted.end());
            return 0;
        }
        if (wanted.exclusive() ? !f.isWritable() : !f.isReadable()) {
            throw Errno.EBADF.exception();
        }
        if (locks.count(owner) >= MAX_RANGES) {
            throw Errno.ENOLCK.exception();
        }
        await(t, locks, wait, () -> locks.tryLock(wanted));
        return 0;
    }

    private interface Attempt {
        boolean run() throws ErrnoException;
    }

    private static void await(Task t, FileLocks locks, boolean wait, Attempt attempt) throws ErrnoException {
        if (attempt.run()) {
            return;
        }
        if (!wait) {
            throw Errno.EAGAIN.exception();
        }
        TaskBlocking blocking = t.blocking();
        WaitEntry entry = blocking.newEntry();
        blocking.prepare();
        locks.waiters().register(entry, -1);
        try {
            while (!attempt.run()) {
                if (blocking.sleep() == TaskBlocking.Wake.INTERRUPTED) {
                    throw Errno.ERESTARTSYS.exception();
                }
            }
        } finally {
            locks.waiters().unregister(entry);
        }
    }

    static long flock(Task t, SyscallArgs a) throws ErrnoException {
        int operation = a.intAt(1);
        return FileArguments.withFile(t, a.intAt(0), f -> {
            FileLocks locks = locks(f);
            switch (operation & ~LOCK_NB) {
                case LOCK_UN -> locks.unflock(f);
                case LOCK_SH, LOCK_EX -> {
                    boolean exclusive = (operation & LOCK_EX) != 0;
                    await(t, locks, (operation & LOCK_NB) == 0, () -> locks.tryFlock(f, exclusive));
                }
                default -> throw Errno.EINVAL.exception();
            }
            return 0;
        });
    }

    // ---- ioctl ----

    static long ioctl(Task t, SyscallArgs a) throws ErrnoException {
        int fd = a.intAt(0);
        int request = a.intAt(1);
        long argument = a.longAt(2);
        return FileArguments.withFile(t, fd, f -> switch (request) {
            case FIOCLEX -> {
                t.fdTable().setCloseOnExec(fd, true);
                yield 0;
            }
            case FIONCLEX -> {
                t.fdTable().setCloseOnExec(fd, false);
                yield 0;
            }
            case FIONBIO -> setFlag(t, f, argument, OpenFlags.O_NONBLOCK);
            case FIOASYNC -> setFlag(t, f, argument, OpenFlags.O_ASYNC);
            case FIONREAD -> {
                Inode inode = f.inode();
                if (inode != null && inode.type() == FileMode.S_IFREG) {
                    long left = inode.stat().size() - f.seek(0, 1);
                    t.memoryManager().writeInt(argument, Math.clamp(left, 0, Integer.MAX_VALUE));
                    yield 0;
                }
                yield f.ioctl(request, argument, t);
            }
            default -> f.ioctl(request, argument, t);
        });
    }

    private static long setFlag(Task t, FileDescription f, long address, int flag) throws ErrnoException {
        boolean on = t.memoryManager().readInt(address) != 0;
        f.setStatusFlags(on ? f.statusFlags() | flag : f.statusFlags() & ~flag);
        return 0;
    }
}
