package dev.stockade.sentry.vfs;

import dev.stockade.sentry.auth.Credentials;
import org.jspecify.annotations.Nullable;

/**
 * What a path operation needs of its caller.
 *
 * @param root the caller's root directory (chroot(2))
 * @param cwd its working directory, from which relative paths go
 * @param umask of the caller, 0-0777
 * @param task the calling task, opaque here: file systems above the kernel (proc, terminals) cast it
 */
public record VfsContext(
        Credentials credentials,
        VirtualDentry root,
        VirtualDentry cwd,
        int umask,
        @Nullable Object task) {

    public VfsContext(Credentials credentials, VirtualDentry root, VirtualDentry cwd, int umask) {
        this(credentials, root, cwd, umask, null);
    }

    /** The same caller with other credentials (access(2) uses the real ids). */
    public VfsContext withCredentials(Credentials other) {
        return new VfsContext(other, root, cwd, umask, task);
    }

    /** The same place and credentials, of no task. */
    VfsContext withoutTask() {
        return new VfsContext(credentials, root, cwd, umask, null);
    }
}
