package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.FileDescription;

/** Opens a file for execution as the caller of execve(2) sees the tree. */
@FunctionalInterface
public interface ExecutableOpener {
    /**
     * @param path of an interpreter, without a NUL; relative to the caller's working directory if it has no leading slash
     * @return a regular file that the caller may execute, with a reference for the loader
     * @throws ErrnoException ENOENT, EACCES, ...
     */
    FileDescription open(byte[] path) throws ErrnoException;
}
