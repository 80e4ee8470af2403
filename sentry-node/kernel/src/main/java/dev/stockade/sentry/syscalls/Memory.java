package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.FileDescription;

/** Memory mappings (mm/mmap.c, mm/mprotect.c, mm/mremap.c, mm/madvise.c, mm/mlock.c, mm/mincore.c, mm/msync.c). */
final class Memory {
    private Memory() {}

    static long mmap(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(3);
        long address = a.longAt(0);
        long length = a.longAt(1);
        int prot = a.intAt(2);
        long offset = a.longAt(5);
        if ((flags & Mman.MAP_ANONYMOUS) != 0) {
            return t.memoryManager().mmap(address, length, prot, flags, null, offset);
        }
        if ((offset & 4095) != 0) {
            throw Errno.EINVAL.exception();
        }
        FileDescription file = t.fdTable().get(a.intAt(4));
        try {
            return t.memoryManager().mmap(address, length, prot, flags, file, offset);
        } finally {
            file.decRef();
        }
    }

    static long mprotect(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().mprotect(a.longAt(0), a.longAt(1), protection(a.longAt(2)));
        return 0;
    }

    /** As in Linux prot is an unsigned long: bits in its upper half are no protection either. */
    private static int protection(long prot) throws ErrnoException {
        if (prot >>> 32 != 0) {
            throw Errno.EINVAL.exception();
        }
        return (int) prot;
    }

    static long pkey_mprotect(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(3) != -1) {
            throw Errno.EINVAL.exception();
        }
        return mprotect(t, a);
    }

    static long munmap(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().munmap(a.longAt(0), a.longAt(1));
        return 0;
    }

    static long brk(Task t, SyscallArgs a) {
        return t.memoryManager().brk(a.longAt(0));
    }

    static long mremap(Task t, SyscallArgs a) throws ErrnoException {
        if (a.longAt(3) >>> 32 != 0) {
            throw Errno.EINVAL.exception();
        }
        return t.memoryManager().mremap(a.longAt(0), a.longAt(1), a.longAt(2), a.intAt(3), a.longAt(4));
    }

    static long msync(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().msync(a.longAt(0), a.longAt(1), a.intAt(2));
        return 0;
    }

    static long mincore(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().mincore(a.longAt(0), a.longAt(1), a.longAt(2));
        return 0;
    }

    static long madvise(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().madvise(a.longAt(0), a.longAt(1), a.intAt(2));
        return 0;
    }

    static long mlock(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().mlock(a.longAt(0), a.longAt(1), 0);
        return 0;
    }

    static long mlock2(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().mlock(a.longAt(0), a.longAt(1), a.intAt(2));
        return 0;
    }

    static long munlock(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().munlock(a.longAt(0), a.longAt(1));
        return 0;
    }

    static long mlockall(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().mlockall(a.intAt(0));
        return 0;
    }

    static long munlockall(Task t, SyscallArgs a) throws ErrnoException {
        t.memoryManager().munlockall();
        return 0;
    }
}
