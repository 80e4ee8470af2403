package dev.stockade.sentry.kernel;

import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.vfs.FileDescription;
import java.util.List;

/**
 * A process that is started from outside the sandbox.
 *
 * @param program path of the executable, as execve(2) takes it, seen from {@code workingDirectory}
 * @param arguments argv, each without NUL, at least one
 * @param environment {@code NAME=value}, each without NUL
 * @param workingDirectory an absolute path
 * @param stdio descriptors 0, 1 and 2; the process takes references of its own
 */
public record ProcessSpec(
        byte[] program,
        List<byte[]> arguments,
        List<byte[]> environment,
        byte[] workingDirectory,
        Credentials credentials,
        List<FileDescription> stdio) {}
