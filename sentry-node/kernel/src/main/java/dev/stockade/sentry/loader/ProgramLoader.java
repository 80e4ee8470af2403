package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.ErrnoException;

/** execve(2)'s search_binary_handler: ELF files and interpreter scripts. */
public final class ProgramLoader {
    private ProgramLoader() {}

    /**
     * Makes a new address space with the program, ready to run. Nothing is left behind on failure.
     *
     * @throws ErrnoException what Linux gives: ENOEXEC, ELOOP, E2BIG, ENOENT (no interpreter), EACCES, ENOMEM, EIO,
     *     EINVAL, ELIBBAD, EFAULT
     */
    public static LoadedProgram load(LoadRequest request) throws ErrnoException {
        throw new UnsupportedOperationException("not there yet");
    }
}
