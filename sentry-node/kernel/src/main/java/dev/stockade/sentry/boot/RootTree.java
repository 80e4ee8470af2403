package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.fs.dev.Devices;
import dev.stockade.sentry.fs.gofer.GoferFilesystem;
import dev.stockade.sentry.fs.overlay.OverlayFilesystem;
import dev.stockade.sentry.fs.pipe.Pipes;
import dev.stockade.sentry.fs.proc.ProcFilesystem;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.Mount;
import dev.stockade.sentry.vfs.MountNamespace;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;

/**
 * The file systems of a new sandbox: an overlay of the image and a tmpfs, and on it what programs expect of a Linux
 * system. What tmpfs holds counts against the sandbox's memory.
 */
final class RootTree {
    /** Bytes of memory for each file that a tmpfs may hold. */
    private static final long BYTES_PER_INODE = 4096;

    private final VirtualFilesystem vfs;
    private final Kernel kernel;
    private final GuestConfig config;

    private RootTree(Kernel kernel, GuestConfig config) {
        this.vfs = kernel.vfs();
        this.kernel = kernel;
        this.config = config;
    }

    static VirtualDentry mount(Kernel kernel, GuestConfig config) throws ErrnoException {
        return new RootTree(kernel, config).mount();
    }

    private VirtualDentry mount() throws ErrnoException {
        Pipes.register(vfs);
        Devices.register(vfs, kernel.random());
        TmpfsFilesystem.register(vfs, kernel.frames(), limits(config.memoryBytes() / 2));
        ProcFilesystem.register(kernel);
        Filesystem image = new GoferFilesystem(vfs, kernel.frames(), config.image());
        // Stands for the mounter while there is no tree yet.
        VirtualDentry imageRoot = new MountNamespace(vfs, image, "image", Mount.MS_RDONLY).root();
        MountNamespace mounts = new MountNamespace(
                vfs,
                new OverlayFilesystem(vfs, image, tmpfs("tmpfs", 0755, config.memoryBytes()), context(imageRoot)),
                "overlay",
                0);
        VirtualDentry root = mounts.root();
        RootFiles files = new RootFiles(vfs, context(root));

        files.makeDirectories("/dev", 0755);
        Filesystem dev = tmpfs("devtmpfs", 0755, config.memoryBytes() / 16);
        Devices.populate(dev.root());
        mounts.mount(files.resolve("/dev"), dev, "devtmpfs", Mount.MS_NOSUID | Mount.MS_NOEXEC);
        mounts.mount(
                files.resolve("/dev/shm"),
                tmpfs("tmpfs", 01777, config.memoryBytes() / 2),
                "shm",
                Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC);
        files.makeDirectories("/proc", 0555);
        mounts.mount(
                files.resolve("/proc"),
                new ProcFilesystem(kernel),
                "proc",
                Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC);
        files.makeDirectories("/tmp", 01777);
        if (config.containerFiles()) {
            containerFiles(files);
        }
        return mounts.root();
    }

    private Filesystem tmpfs(String type, int mode, long sizeBytes) throws ErrnoException {
        return new TmpfsFilesystem(vfs, kernel.frames(), type, limits(sizeBytes), mode, 0, 0);
    }

    private static TmpfsFilesystem.Limits limits(long sizeBytes) {
        return new TmpfsFilesystem.Limits(sizeBytes, sizeBytes / BYTES_PER_INODE);
    }

    private VfsContext context(VirtualDentry root) {
        return new VfsContext(Credentials.root(kernel.userNamespace()), root, root, 0);
    }

    private void containerFiles(RootFiles files) throws ErrnoException {
        String hostname = config.hostname();
        files.makeDirectories("/etc", 0755);
        files.write("/etc/hostname", hostname + "\n");
        files.write("/etc/hosts", "127.0.0.1\tlocalhost " + hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        files.write("/etc/resolv.conf", "# no name servers: this sandbox has no network\n");
    }
}
