package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** /proc itself: a directory for each process, and the files about the system. */
final class RootDirectory extends FixedDirectory {
    RootDirectory(ProcFilesystem fs) {
        super(fs, null, 1, directory(0555));
        add(
                "self",
                LinkFile.to(
                        fs,
                        null,
                        2,
                        c -> bytes(Integer.toString(self(c).threadGroup().pid()))));
        add("thread-self", LinkFile.to(fs, null, 3, c -> {
            Task t = self(c);
            return bytes(t.threadGroup().pid() + "/task/" + t.tid());
        }));
        add("mounts", LinkFile.to(fs, null, 4, c -> bytes("self/mounts")));
        SystemFiles.addTo(this, fs);
        SysctlFiles.addTo(this, fs);
    }

    private static Task self(VfsContext context) throws ErrnoException {
        Task t = ProcFilesystem.caller(context);
        if (t == null) {
            throw Errno.ENOENT.exception();
        }
        return t;
    }

    @Override
    int links() {
        return super.links() + fs.pids().threadGroups().size();
    }

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) {
        int pid = number(name);
        if (pid > 0) {
            // As on Linux, a thread's id leads to its process as well, though it is not listed.
            Task t = fs.pids().task(pid);
            return t == null ? null : new TaskDirectory(fs, t, true);
        }
        return super.lookup(name, context);
    }

    @Override
    public List<DirectoryEntry> entries(VfsContext context) {
        List<DirectoryEntry> list = super.entries(context);
        for (ThreadGroup tg : fs.pids().threadGroups()) {
            int pid = fs.pids().pidOf(tg);
            if (pid > 0) {
                list.add(new DirectoryEntry(
                        bytes(Integer.toString(pid)), TaskDirectory.number(pid, true, 0), FileMode.DT_DIR));
            }
        }
        return list;
    }
}
