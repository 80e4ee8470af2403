package dev.stockade.sentry.kvm;

import jnr.constants.platform.Errno;
import jnr.ffi.LastError;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;

/**
 * The host's system calls, as far as this package needs them; they throw {@link HostException} with the errno.
 *
 * <p>jnr-ffi's generated x86 stubs pass garbage as the sixth of exactly six integer arguments (mmap), so they are
 * turned off before jnr-ffi loads. If something else loaded jnr-ffi earlier, the JVM flag
 * {@code -Djnr.ffi.x86asm.enabled=false} is needed; {@link #verifyBinding} finds that out.
 */
final class Host {
    static final int PAGE_SIZE = 4096;

    static final int EINTR = 4;
    static final int EAGAIN = 11;

    static final int O_RDWR = 2;
    static final int O_CLOEXEC = 0x80000;

    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;
    static final int MAP_SHARED = 0x01;
    static final int MAP_PRIVATE = 0x02;
    static final int MAP_ANONYMOUS = 0x20;
    static final int MAP_NORESERVE = 0x4000;
    static final int MADV_DONTNEED = 4;
    static final int MADV_HUGEPAGE = 14;
    static final int MADV_DONTFORK = 10;
    static final int MADV_DONTDUMP = 16;
    static final int MADV_POPULATE_WRITE = 23;

    private static final int MFD_CLOEXEC = 1;
    private static final int MFD_ALLOW_SEALING = 2;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_SEAL_SEAL = 1;
    private static final int F_SEAL_SHRINK = 2;
    private static final int F_SEAL_GROW = 4;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;

    private static final LibC LIBC;
    private static final Runtime RUNTIME;

    static {
        System.setProperty("jnr.ffi.x86asm.enabled", "false");
        LIBC = LibraryLoader.create(LibC.class).load("c");
        RUNTIME = Runtime.getRuntime(LIBC);
    }

    private Host() {}

    /** Fails if jnr-ffi passes six integer arguments wrongly (see above). */
    static void verifyBinding() {
        long address = mmap(PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        munmap(address, PAGE_SIZE);
    }

    /** The errno of this thread's last failed call. */
    static int errno() {
        return LastError.getLastError(RUNTIME);
    }

    private static HostException failure(String call) {
        return new HostException(call, errno());
    }

    static int open(String path, int flags) {
        // SAFETY: jnr-ffi copies the path for the time of the call; any thread.
        int fd = LIBC.open(path, flags | O_CLOEXEC);
        if (fd < 0) {
            throw failure("open " + path);
        }
        return fd;
    }

    static void close(int fd) {
        // SAFETY: callers close an fd of theirs once; the result is of no use (Linux has freed the fd in any case).
        LIBC.close(fd);
    }

    /** An ioctl whose failure is an exception; retried when a signal interrupted it. */
    static int ioctl(int fd, long request, long argument, String name) {
        while (true) {
            // SAFETY: callers pass a pointer into a live segment of the size that the request encodes, or a number.
            int result = LIBC.ioctl(fd, request, argument);
            if (result >= 0) {
                return result;
            }
            int errno = errno();
            if (errno != EINTR && errno != EAGAIN) {
                throw new HostException(name, errno);
            }
        }
    }

    /** KVM_RUN and others whose failure is looked at by the caller: the result, or -errno. */
    static int tryIoctl(int fd, long request, long argument) {
        // SAFETY: as ioctl(); errno is read on the same thread at once.
        int result = LIBC.ioctl(fd, request, argument);
        return result >= 0 ? result : -errno();
    }

    /** A sealed memory file of a fixed size: nothing can shrink it, so views of it never raise SIGBUS by length. */
    static int memfd(String name, long size) {
        // SAFETY: jnr-ffi copies the name for the time of the call.
        int fd = LIBC.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0) {
            throw failure("memfd_create");
        }
        // SAFETY: fd is ours and open.
        if (LIBC.ftruncate(fd, size) < 0
                || LIBC.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
            HostException e = failure("memfd of " + size + " bytes");
            close(fd);
            throw e;
        }
        return fd;
    }

    static void punchHole(int fd, long offset, long length) {
        while (true) {
            // SAFETY: frees pages inside a memfd of ours; all its mappings stay valid and read zeros.
            if (LIBC.fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) == 0) {
                return;
            }
            int errno = errno();
            if (errno != EINTR) {
                throw new HostException("fallocate(PUNCH_HOLE)", errno);
            }
        }
    }

    static long mmap(long length, int protection, int flags, int fd) {
        // SAFETY: the kernel chooses the address (no MAP_FIXED), so nothing that exists is replaced.
        long address = LIBC.mmap(0, length, protection, flags, fd, 0);
        if (address == -1) {
            throw failure("mmap of " + length + " bytes");
        }
        return address;
    }

    static void munmap(long address, long length) {
        // SAFETY: callers unmap a whole mapping of theirs once, after its segment's arena is closed.
        if (LIBC.munmap(address, length) < 0) {
            throw failure("munmap");
        }
    }

    static void mprotect(long address, long length, int protection) {
        // SAFETY: callers change a whole mapping of theirs that nothing reads or writes at that time.
        if (LIBC.mprotect(address, length, protection) < 0) {
            throw failure("mprotect");
        }
    }

    static void madvise(long address, long length, int advice) {
        // SAFETY: callers pass a range inside a live mapping; MADV_DONTNEED only on shared memfd mappings, where it
        // drops translations and never data.
        if (LIBC.madvise(address, length, advice) < 0) {
            throw failure("madvise(" + advice + ")");
        }
    }

    /** Advice that a kernel may not know or allow (huge pages, core dumps): its failure changes nothing. */
    static void tryMadvise(long address, long length, int advice) {
        // SAFETY: as madvise(); never MADV_DONTNEED.
        LIBC.madvise(address, length, advice);
    }

    static void sigaction(int signal, long action, long oldAction) {
        // SAFETY: callers pass live segments of at least sizeof(struct sigaction), or 0 for action.
        if (LIBC.sigaction(signal, action, oldAction) < 0) {
            throw failure("sigaction");
        }
    }

    static int getpid() {
        // SAFETY: no arguments, never fails.
        return LIBC.getpid();
    }

    static int gettid() {
        // SAFETY: no arguments, never fails.
        return LIBC.gettid();
    }

    /** False if the signal has to be sent again (a full queue); a thread that has ended needs none. */
    static boolean tgkill(int process, int thread, int signal) {
        // SAFETY: the process is our own; the signal is the kick signal, whose handler does nothing.
        return LIBC.tgkill(process, thread, signal) == 0 || errno() != EAGAIN;
    }

    static boolean isMissing(HostException e) {
        return e.errno() == Errno.ENOENT.intValue()
                || e.errno() == Errno.ENXIO.intValue()
                || e.errno() == Errno.ENODEV.intValue();
    }

    static boolean isDenied(HostException e) {
        return e.errno() == Errno.EACCES.intValue() || e.errno() == Errno.EPERM.intValue();
    }
}
