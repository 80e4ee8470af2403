package dev.stockade.sentry.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import org.jspecify.annotations.Nullable;

/** Root, working directory and umask, shared by tasks made with CLONE_FS (Linux's struct fs_struct). Thread-safe. */
public final class FsContext {
    @GuardedBy("this")
    private VirtualDentry root;

    @GuardedBy("this")
    private VirtualDentry cwd;

    @GuardedBy("this")
    private int umask;

    public FsContext(VirtualDentry root, VirtualDentry cwd, int umask) {
        this.root = root;
        this.cwd = cwd;
        this.umask = umask;
    }

    /** A copy for a process that does not share it. */
    public synchronized FsContext fork() {
        return new FsContext(root, cwd, umask);
    }

    /** What a path operation needs, in one consistent view. */
    public synchronized VfsContext vfsContext(Credentials credentials, @Nullable Object task) {
        return new VfsContext(credentials, root, cwd, umask, task);
    }

    public synchronized VirtualDentry root() {
        return root;
    }

    public synchronized void setRoot(VirtualDentry root) {
        this.root = root;
    }

    public synchronized VirtualDentry cwd() {
        return cwd;
    }

    public synchronized void setCwd(VirtualDentry cwd) {
        this.cwd = cwd;
    }

    public synchronized int umask() {
        return umask;
    }

    /** Sets the umask and returns the old one (umask(2)). */
    public synchronized int setUmask(int mask) {
        int old = umask;
        umask = mask & 0777;
        return old;
    }
}
