package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** /proc/[pid] and /proc/[pid]/task/[tid]. */
final class TaskDirectory extends FixedDirectory {
    private static final int CAP_SYS_PTRACE = 19;

    private final Task task;
    private final boolean process;

    /**
     * @param process for the process as a whole, not a thread of it
     */
    TaskDirectory(ProcFilesystem fs, Task task, boolean process) {
        super(fs, task, number(fs.pids().tidOf(task), process, 0), directory(0555));
        this.task = task;
        this.process = process;
        text("stat", 1, 0444, c -> TaskTexts.stat(fs, task, process));
        text("statm", 2, 0444, c -> TaskTexts.statm(task));
        text("status", 3, 0444, c -> TaskTexts.status(fs, task));
        text("cmdline", 4, 0444, c -> TaskTexts.cmdline(task));
        text("environ", 5, 0400, c -> TaskTexts.environ(access(c)));
        text("maps", 6, 0444, c -> maps(access(c), false));
        text("smaps", 7, 0444, c -> maps(access(c), true));
        text("limits", 8, 0444, c -> TaskTexts.limits(task));
        text("mounts", 9, 0444, c -> MountTexts.mounts(task));
        text("mountinfo", 10, 0444, c -> MountTexts.mountinfo(task));
        text("cgroup", 11, 0444, c -> bytes("0::/\n"));
        text("oom_score", 12, 0444, c -> TaskTexts.oomScore(fs, task));
        text("wchan", 13, 0444, c -> bytes("0"));
        text("auxv", 14, 0400, c -> access(c).memoryManager().image().auxv());
        text("schedstat", 16, 0444, c -> TaskTexts.schedstat(task));
        add("comm", new TextFile(fs, task, n(17), 0644, c -> TaskTexts.comm(task), this::setComm));
        add(
                "oom_score_adj",
                new TextFile(
                        fs,
                        task,
                        n(18),
                        0644,
                        c -> bytes(task.threadGroup().oomScoreAdj() + "\n"),
                        this::setOomScoreAdj));
        add("exe", LinkFile.magic(fs, task, n(20), 0777, this::executable));
        add(
                "cwd",
                LinkFile.magic(
                        fs, task, n(21), 0777, c -> alive(access(c)).fsContext().cwd()));
        add(
                "root",
                LinkFile.magic(
                        fs, task, n(22), 0777, c -> alive(access(c)).fsContext().root()));
        add("fd", new FdDirectory(fs, task, n(23), false));
        add("fdinfo", new FdDirectory(fs, task, n(24), true));
        if (process) {
            add("task", new Threads(fs, task, n(25)));
        }
    }

    /** Made one at a time: with very many mappings the making of one takes tens of megabytes for a moment. */
    private byte[] maps(Task t, boolean details) {
        synchronized (fs.kernel().addressSpaces()) {
            return TaskTexts.maps(t, details);
        }
    }

    /** Inode numbers that two look-ups of the same file agree on. */
    static long number(int tid, boolean process, int file) {
        return ((long) tid << 8 | file) << 1 | (process ? 1 : 0) | 1L << 48;
    }

    private long n(int file) {
        return number() + ((long) file << 1);
    }

    private void text(String name, int file, int permissions, TextFile.Content content) {
        add(name, new TextFile(fs, task, n(file), permissions, content, null));
    }

    /** PTRACE_MODE_READ of ptrace(2): the caller's own processes, or CAP_SYS_PTRACE. */
    private Task access(VfsContext context) throws ErrnoException {
        return checkAccess(context, task);
    }

    static Task checkAccess(VfsContext context, Task task) throws ErrnoException {
        Task caller = ProcFilesystem.caller(context);
        if (caller != null && caller.threadGroup() == task.threadGroup()) {
            return task;
        }
        Credentials c = context.credentials();
        Credentials of = task.credentials();
        boolean same = c.fsuid() == of.euid()
                && c.fsuid() == of.suid()
                && c.fsuid() == of.ruid()
                && c.fsgid() == of.egid()
                && c.fsgid() == of.sgid()
                && c.fsgid() == of.rgid()
                && task.threadGroup().dumpable() == 1;
        if (!same && !c.hasCapability(CAP_SYS_PTRACE)) {
            throw Errno.EACCES.exception();
        }
        return task;
    }

    /** Zombies have let go of their directories and descriptors. */
    private static Task alive(Task t) throws ErrnoException {
        if (!t.isAlive()) {
            throw Errno.ENOENT.exception();
        }
        return t;
    }

    private VirtualDentry executable(VfsContext context) throws ErrnoException {
        FileDescription file = alive(access(context)).executable();
        VirtualDentry at = file == null ? null : file.location();
        if (at == null) {
            throw Errno.ENOENT.exception();
        }
        return at;
    }

    private void setComm(String text, VfsContext writer) throws ErrnoException {
        Task caller = ProcFilesystem.caller(writer);
        if (caller == null || caller.threadGroup() != task.threadGroup()) {
            throw Errno.EINVAL.exception();
        }
        int end = text.indexOf('\n');
        String name = end < 0 ? text : text.substring(0, end);
        task.setComm(bytes(name.substring(0, Math.min(15, name.length()))));
    }

    private void setOomScoreAdj(String text, VfsContext writer) throws ErrnoException {
        int value;
        try {
            value = Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw Errno.EINVAL.exception();
        }
        if (value < -1000 || value > 1000) {
            throw Errno.EINVAL.exception();
        }
        int capSysResource = 24;
        if (value < task.threadGroup().oomScoreAdj() && !writer.credentials().hasCapability(capSysResource)) {
            throw Errno.EACCES.exception();
        }
        task.threadGroup().setOomScoreAdj(value);
    }

    @Override
    public String toString() {
        return "/proc/" + fs.pids().tidOf(task) + (process ? "" : " (thread)");
    }

    /** /proc/[pid]/task. */
    private static final class Threads extends ProcInode {
        Threads(ProcFilesystem fs, Task owner, long number) {
            super(fs, owner, number, directory(0555));
        }

        private List<Task> tasks() {
            Task t = owner;
            return t == null ? List.of() : t.threadGroup().tasks();
        }

        @Override
        int links() {
            return 2 + tasks().size();
        }

        @Override
        public @Nullable Inode lookup(byte[] name, VfsContext context) {
            int tid = number(name);
            for (Task t : tasks()) {
                if (tid > 0 && fs.pids().tidOf(t) == tid) {
                    return new TaskDirectory(fs, t, false);
                }
            }
            return null;
        }

        @Override
        public List<DirectoryEntry> entries(VfsContext context) {
            List<DirectoryEntry> list = new ArrayList<>();
            for (Task t : tasks()) {
                int tid = fs.pids().tidOf(t);
                if (tid > 0) {
                    list.add(new DirectoryEntry(
                            bytes(Integer.toString(tid)), TaskDirectory.number(tid, false, 0), FileMode.DT_DIR));
                }
            }
            return list;
        }
    }
}
