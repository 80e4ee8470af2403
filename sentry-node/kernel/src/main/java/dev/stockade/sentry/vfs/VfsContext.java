package dev.stockade.sentry.vfs;

import dev.stockade.sentry.auth.Credentials;

/**
 * What a path operation needs of its caller.
 *
 * @param root the caller's root directory (chroot(2))
 * @param cwd its working directory, from which relative paths go
 * @param umask of the caller, 0-0777
 */
public record VfsContext(Credentials credentials, VirtualDentry root, VirtualDentry cwd, int umask) {}
