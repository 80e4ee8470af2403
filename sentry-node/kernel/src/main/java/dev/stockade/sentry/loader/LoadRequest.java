package dev.stockade.sentry.loader;

import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.mm.AddressSpaces;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.vfs.FileDescription;
import java.util.List;

/**
 * What execve(2) asks the loader for.
 *
 * @param file the program; the caller keeps its reference
 * @param path as given to execve (AT_EXECFN, the argument of an interpreter script), without a NUL
 * @param arguments argv, each without its NUL
 * @param environment envp, each without its NUL
 * @param credentials those the program will have
 * @param secure AT_SECURE: it gains privileges
 * @param randomize false for personality ADDR_NO_RANDOMIZE
 */
public record LoadRequest(
        AddressSpaces spaces,
        FileDescription file,
        byte[] path,
        List<byte[]> arguments,
        List<byte[]> environment,
        Credentials credentials,
        boolean secure,
        boolean randomize,
        MemoryLimits limits,
        ExecutableOpener opener) {}
