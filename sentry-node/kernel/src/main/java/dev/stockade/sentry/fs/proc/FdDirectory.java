package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.kernel.FdTable;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** /proc/[pid]/fd and /proc/[pid]/fdinfo. */
final class FdDirectory extends ProcInode {
    private final Task task;
    private final boolean info;

    FdDirectory(ProcFilesystem fs, Task task, long number, boolean info) {
        super(fs, task, number, directory(info ? 0555 : 0500));
        this.task = task;
        this.info = info;
    }

    @Override
    int links() {
        return 2;
    }

    private FdTable table(VfsContext context) throws ErrnoException {
        TaskDirectory.checkAccess(context, task);
        if (!task.isAlive()) {
            throw Errno.ENOENT.exception();
        }
        return task.fdTable();
    }

    private long numberOf(int fd) {
        return number() << 20 | (fd & 0xfffff) | 1L << 62;
    }

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) throws ErrnoException {
        int fd = number(name);
        if (fd < 0) {
            return null;
        }
        FileDescription file = table(context).find(fd);
        if (file == null) {
            return null;
        }
        try {
            int permissions = (file.isReadable() ? 0500 : 0) | (file.isWritable() ? 0300 : 0);
            return info
                    ? new TextFile(fs, task, numberOf(fd), 0400, c -> describe(c, fd), null)
                    : LinkFile.magic(fs, task, numberOf(fd), permissions, c -> place(c, fd));
        } finally {
            file.decRef();
        }
    }

    private VirtualDentry place(VfsContext context, int fd) throws ErrnoException {
        FileDescription file = table(context).find(fd);
        if (file == null) {
            throw Errno.ENOENT.exception();
        }
        try {
            VirtualDentry at = file.location();
            if (at == null) {
                throw Errno.ENOENT.exception();
            }
            return at;
        } finally {
            file.decRef();
        }
    }

    private byte[] describe(VfsContext context, int fd) throws ErrnoException {
        FileDescription file = table(context).find(fd);
        if (file == null) {
            throw Errno.ENOENT.exception();
        }
        try {
            long position;
            try {
                position = file.seek(0, 1);
            } catch (ErrnoException e) {
                position = 0; // pipes and the like have none
            }
            int flags = file.statusFlags() | (task.fdTable().closeOnExec(fd) ? OpenFlags.O_CLOEXEC : 0);
            VirtualDentry at = file.location();
            return bytes("pos:\t" + position + "\nflags:\t0" + Integer.toOctalString(flags) + "\nmnt_id:\t"
                    + (at == null ? 0 : at.mount().id()) + "\nino:\t"
                    + file.stat().ino() + "\n");
        } finally {
            file.decRef();
        }
    }

    @Override
    public List<DirectoryEntry> entries(VfsContext context) throws ErrnoException {
        List<DirectoryEntry> list = new ArrayList<>();
        for (int fd : table(context).descriptors()) {
            list.add(new DirectoryEntry(
                    bytes(Integer.toString(fd)), numberOf(fd), info ? FileMode.DT_REG : FileMode.DT_LNK));
        }
        return list;
    }
}
