package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.AtFlags;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import org.jspecify.annotations.Nullable;

/** What the calls of the file group take: paths, directories to start from, descriptors. */
final class FileArguments {
    private static final int PATH_MAX = 4096;

    private FileArguments() {}

    static byte[] path(Task t, long address) throws ErrnoException {
        return t.memoryManager().copyInString(address, PATH_MAX);
    }

    /** Where a relative path starts; null for the working directory (and for absolute paths, which need none). */
    static @Nullable VirtualDentry start(Task t, int dirfd, byte[] path) throws ErrnoException {
        if (dirfd == AtFlags.AT_FDCWD || (path.length > 0 && path[0] == '/')) {
            return null;
        }
        FileDescription f = t.fdTable().get(dirfd);
        try {
            VirtualDentry at = f.location();
            if (at == null) {
                throw Errno.ENOTDIR.exception();
            }
            return at;
        } finally {
            f.decRef();
        }
    }

    /** The place that a path with AT_* flags names. */
    static VirtualDentry resolve(Task t, VfsContext context, int dirfd, long pathAddress, int flags)
            throws ErrnoException {
        byte[] path = path(t, pathAddress);
        return t.kernel().vfs().resolve(context, start(t, dirfd, path), path, resolveFlags(flags));
    }

    static int resolveFlags(int atFlags) {
        return ((atFlags & AtFlags.AT_SYMLINK_NOFOLLOW) == 0 ? VirtualFilesystem.FOLLOW : 0)
                | ((atFlags & AtFlags.AT_EMPTY_PATH) != 0 ? VirtualFilesystem.EMPTY_PATH : 0);
    }

    static void checkFlags(int flags, int valid) throws ErrnoException {
        if ((flags & ~valid) != 0) {
            throw Errno.EINVAL.exception();
        }
    }

    /** Something done with an open file. */
    @FunctionalInterface
    interface FileCall {
        long call(FileDescription file) throws ErrnoException;
    }

    /** Does something with the file of a descriptor, which is EBADF for O_PATH. */
    static long withFile(Task t, int fd, FileCall call) throws ErrnoException {
        FileDescription f = t.fdTable().get(fd);
        try {
            if (f.isPath()) {
                throw Errno.EBADF.exception();
            }
            return call.call(f);
        } finally {
            f.decRef();
        }
    }

    /** Does something with the file of a descriptor, whatever it is. */
    static long withAnyFile(Task t, int fd, FileCall call) throws ErrnoException {
        FileDescription f = t.fdTable().get(fd);
        try {
            return call.call(f);
        } finally {
            f.decRef();
        }
    }

    /** The place of an open file for calls that take descriptors instead of paths. */
    static VirtualDentry location(FileDescription f, Errno otherwise) throws ErrnoException {
        VirtualDentry at = f.location();
        if (at == null) {
            throw otherwise.exception();
        }
        return at;
    }

    static long descriptorLimit(Task t) {
        return t.threadGroup().limits().soft(Resource.RLIMIT_NOFILE);
    }

    /** Gives a new file the lowest descriptor; the caller's reference goes over or is dropped. */
    static int install(Task t, FileDescription f, int openFlags) throws ErrnoException {
        try {
            return t.fdTable().install(f, 0, (openFlags & OpenFlags.O_CLOEXEC) != 0, descriptorLimit(t));
        } finally {
            f.decRef();
        }
    }
}
