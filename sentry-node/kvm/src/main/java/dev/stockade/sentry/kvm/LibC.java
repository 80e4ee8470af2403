package dev.stockade.sentry.kvm;

import jnr.ffi.types.int32_t;
import jnr.ffi.types.size_t;

/**
 * The host's C library as jnr-ffi binds it. Only {@link Host} calls these, so that lifetimes, threads and errno are
 * looked at in one place. Public because jnr-ffi's generated class lives in a loader of its own.
 *
 * <p>Pointers are passed as {@code long}: the memory behind them belongs to {@code java.lang.foreign} segments.
 */
public interface LibC {
    int open(String path, @int32_t int flags);

    int close(int fd);

    int ioctl(int fd, long request, long argument);

    int memfd_create(String name, int flags);

    int ftruncate(int fd, long length);

    int fallocate(int fd, int mode, long offset, long length);

    int fcntl(int fd, int command, int argument);

    long mmap(long address, @size_t long length, int protection, int flags, int fd, long offset);

    int munmap(long address, @size_t long length);

    int mprotect(long address, @size_t long length, int protection);

    int madvise(long address, @size_t long length, int advice);

    int sigaction(int signal, long action, long oldAction);

    int getpid();

    int gettid();

    int tgkill(int process, int thread, int signal);
}
