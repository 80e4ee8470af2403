package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.PidNamespace;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.FilesystemType;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.StatFs;
import dev.stockade.sentry.vfs.VfsContext;
import org.jspecify.annotations.Nullable;

/** An instance of proc: the root namespace's view of its kernel. */
public final class ProcFilesystem extends Filesystem {
    private static final long PROC_SUPER_MAGIC = 0x9fa0;

    private final Kernel kernel;
    private final Inode root;

    public ProcFilesystem(Kernel kernel) {
        super(kernel.vfs(), "proc");
        this.kernel = kernel;
        this.root = new RootDirectory(this);
    }

    /** Makes proc available to mount(2). */
    public static void register(Kernel kernel) {
        kernel.vfs().registerType(new FilesystemType() {
            @Override
            public String name() {
                return "proc";
            }

            @Override
            public Filesystem make(VfsContext context, String source, String options) {
                return new ProcFilesystem(kernel);
            }
        });
    }

    Kernel kernel() {
        return kernel;
    }

    PidNamespace pids() {
        return kernel.rootPidNamespace();
    }

    /** Who looks, if it is a task that this instance can see. */
    static @Nullable Task caller(VfsContext context) {
        return context.task() instanceof Task t ? t : null;
    }

    @Override
    public Inode root() {
        return root;
    }

    /** Processes come and go. */
    @Override
    public boolean cachesNames() {
        return false;
    }

    @Override
    public StatFs statFs() {
        return new StatFs(PROC_SUPER_MAGIC, 4096, 0, 0, 0, 0, 0, 255);
    }
}
