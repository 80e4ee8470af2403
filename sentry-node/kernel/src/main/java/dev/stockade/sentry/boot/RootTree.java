package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.fs.pipe.Pipes;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.vfs.MountNamespace;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;

/** The file systems of a new sandbox. */
final class RootTree {
    private RootTree() {}

    static VirtualDentry mount(Kernel kernel, GuestConfig config) throws ErrnoException {
        VirtualFilesystem vfs = kernel.vfs();
        Pipes.register(vfs);
        TmpfsFilesystem upper = new TmpfsFilesystem(
                vfs,
                kernel.frames(),
                "tmpfs",
                new TmpfsFilesystem.Limits(config.memoryBytes(), config.memoryBytes() / 4096),
                0755,
                0,
                0);
        MountNamespace mounts = new MountNamespace(vfs, upper, "rootfs", 0);
        VirtualDentry root = mounts.root();
        RootFiles files = new RootFiles(vfs, new VfsContext(Credentials.root(kernel.userNamespace()), root, root, 0));
        if (config.containerFiles()) {
            files.makeDirectories("/etc", 0755);
            files.write("/etc/hostname", config.hostname() + "\n");
            files.write(
                    "/etc/hosts",
                    "127.0.0.1\tlocalhost " + config.hostname() + "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
            files.write("/etc/resolv.conf", "# no name servers: this sandbox has no network\n");
        }
        return mounts.root();
    }
}
