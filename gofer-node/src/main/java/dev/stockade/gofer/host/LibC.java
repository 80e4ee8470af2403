package dev.stockade.gofer.host;

import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;
import jnr.ffi.Runtime;
import jnr.ffi.annotations.Direct;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/**
 * The C library calls that this package makes. Each returns -1 and sets errno on failure; {@link #errno}
 * must be asked on the same thread before any other call.
 */
public interface LibC {
    LibC INSTANCE = LibraryLoader.create(LibC.class).load("c");

    /** openat2(2) has no wrapper in glibc; only ever called with {@code SYS_openat2}. */
    long syscall(long number, int directory, @In byte[] path, @In byte[] how, long howBytes);

    int open(@In byte[] path, int flags);

    int statx(int directory, @In byte[] path, int flags, int mask, @Out byte[] statx);

    long pread(int fd, @Out @Direct ByteBuffer buffer, long bytes, long offset);

    int syncfs(int fd);

    int close(int fd);

    static int errno() {
        return Runtime.getSystemRuntime().getLastError();
    }
}
