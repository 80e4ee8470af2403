package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.Mount;
import dev.stockade.sentry.vfs.MountNamespace;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.util.List;

/** /proc/[pid]/mounts and mountinfo (proc(5), fs/proc_namespace.c): the mounts below the task's root. */
final class MountTexts {
    private MountTexts() {}

    private static List<Mount> mounts(VirtualDentry root) {
        MountNamespace ns = root.mount().namespace();
        return ns == null ? List.of() : ns.mounts();
    }

    /** The mount point as the task sees it; empty if it does not. */
    private static String point(Task t, Mount m, VirtualDentry root) {
        String path = ProcInode.string(t.kernel().vfs().path(m.rootDentry(), root));
        return path.startsWith("/") ? escape(path) : "";
    }

    private static String escape(String s) {
        StringBuilder out = new StringBuilder(s.length());
        for (char c : s.toCharArray()) {
            if (c == ' ' || c == '\t' || c == '\n' || c == '\\' || c == '#') {
                out.append('\\').append(String.format("%03o", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private static String flags(Mount m) {
        int f = m.flags();
        return (m.isReadOnly() ? "ro" : "rw")
                + ((f & Mount.MS_NOSUID) != 0 ? ",nosuid" : "")
                + ((f & Mount.MS_NODEV) != 0 ? ",nodev" : "")
                + ((f & Mount.MS_NOEXEC) != 0 ? ",noexec" : "")
                + ((f & Mount.MS_NOATIME) != 0 ? ",noatime" : "")
                + ((f & Mount.MS_NODIRATIME) != 0 ? ",nodiratime" : "")
                + ((f & Mount.MS_RELATIME) != 0 ? ",relatime" : "");
    }

    static byte[] mounts(Task t) {
        if (!t.isAlive()) {
            return new byte[0];
        }
        VirtualDentry root = t.fsContext().root();
        StringBuilder s = new StringBuilder();
        for (Mount m : mounts(root)) {
            String point = point(t, m, root);
            if (!point.isEmpty()) {
                s.append(escape(m.source())).append(' ').append(point).append(' ');
                s.append(m.filesystem().type()).append(' ').append(flags(m));
                s.append(m.filesystem().options()).append(" 0 0\n");
            }
        }
        return ProcInode.bytes(s.toString());
    }

    static byte[] mountinfo(Task t) {
        if (!t.isAlive()) {
            return new byte[0];
        }
        VirtualDentry root = t.fsContext().root();
        StringBuilder s = new StringBuilder();
        for (Mount m : mounts(root)) {
            String point = point(t, m, root);
            if (point.isEmpty()) {
                continue;
            }
            VirtualDentry at = m.mountpoint();
            long device = m.filesystem().device();
            // The part of the file system that is seen: the name of the mount's root in it.
            String part = m.root() == m.filesystem().rootDentry()
                    ? "/"
                    : escape(ProcInode.string(t.kernel()
                            .vfs()
                            .path(
                                    new VirtualDentry(m, m.root()),
                                    new VirtualDentry(m, m.filesystem().rootDentry()))));
            s.append(m.id()).append(' ').append(at == null ? m.id() : at.mount().id());
            s.append(' ')
                    .append(device >>> 8 & 0xfff)
                    .append(':')
                    .append(device & 0xff)
                    .append(' ');
            s.append(part)
                    .append(' ')
                    .append(point)
                    .append(' ')
                    .append(flags(m))
                    .append(" - ");
            s.append(m.filesystem().type())
                    .append(' ')
                    .append(escape(m.source()))
                    .append(' ');
            s.append(m.filesystem().isReadOnly() ? "ro" : "rw")
                    .append(m.filesystem().options())
                    .append('\n');
        }
        return ProcInode.bytes(s.toString());
    }
}
