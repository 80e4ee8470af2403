package dev.stockade.sentry.kvm.hostfs;

import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.Direct;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * The C library calls on files. Each returns -1 and sets errno on failure; {@link #errno} must be asked on the same
 * thread before any other call.
 */
public interface HostFsLibC {
    HostFsLibC INSTANCE = LibraryLoader.create(HostFsLibC.class).load("c");

    /** openat2(2) has no wrapper in glibc; only ever called with {@code SYS_openat2}. */
    long syscall(long number, int directory, @In byte[] path, @In byte[] how, long howBytes);

    int open(@In byte[] path, int flags);

    int statx(int directory, @In byte[] path, int flags, int mask, @Out byte[] statx);

    long readlinkat(int directory, @In byte[] path, @Out byte[] target, long bytes);

    long pread(int fd, @Out @Direct ByteBuffer buffer, long bytes, long offset);

    long getdents64(int fd, @Out byte[] entries, long bytes);

    int fstatfs(int fd, @Out byte[] statfs);

    int close(int fd);

    static int errno() {
        return Runtime.getSystemRuntime().getLastError();
    }
}
