package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.kernel.CpuUsage;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.vfs.FilesystemType;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** The files of /proc about the system as a sandbox sees it: its own limits and use, never the host's. */
final class SystemFiles {
    private static final long NS_PER_SECOND = 1_000_000_000L;

    private SystemFiles() {}

    static void addTo(FixedDirectory root, ProcFilesystem fs) {
        Kernel k = fs.kernel();
        text(root, fs, "meminfo", 0x10, c -> meminfo(k));
        text(root, fs, "stat", 0x11, c -> stat(k));
        text(root, fs, "uptime", 0x12, c -> uptime(k));
        text(root, fs, "loadavg", 0x13, c -> loadavg(k, fs));
        text(root, fs, "cpuinfo", 0x14, c -> cpuinfo(k));
        text(
                root,
                fs,
                "version",
                0x15,
                c -> ProcInode.bytes(
                        "Linux version " + Kernel.RELEASE + " (stockade@stockade) " + Kernel.VERSION + "\n"));
        text(root, fs, "filesystems", 0x16, c -> filesystems(k));
        text(root, fs, "cmdline", 0x17, c -> ProcInode.bytes("\n"));
        text(root, fs, "swaps", 0x18, c -> ProcInode.bytes("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"));
    }

    private static void text(
            FixedDirectory root, ProcFilesystem fs, String name, long number, TextFile.Content content) {
        root.add(name, new TextFile(fs, null, number, 0444, content, null));
    }

    private static int cpus(Kernel k) {
        return Math.max(1, Long.bitCount(k.allCpus()));
    }

    private static byte[] meminfo(Kernel k) {
        long total = k.frames().limitBytes();
        long free = Math.max(0, total - k.frames().usedBytes());
        StringBuilder s = new StringBuilder();
        String[] names = {
            "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive",
            "SwapTotal", "SwapFree", "Dirty", "Writeback", "Shmem", "Slab", "CommitLimit", "Committed_AS"
        };
        long[] bytes = {
            total, free, free, 0, 0, 0, total - free, 0, 0, 0, 0, 0, 0, k.heap().usedBytes(), total, 0
        };
        for (int i = 0; i < names.length; i++) {
            s.append(String.format(Locale.ROOT, "%-16s%8d kB%n", names[i] + ":", bytes[i] / 1024));
        }
        return ProcInode.bytes(s.toString());
    }

    /** What all processes used: the living, and the dead as their parents' children. */
    private static CpuUsage total(Kernel k) {
        CpuUsage sum = CpuUsage.NONE;
        for (ThreadGroup tg : k.rootPidNamespace().threadGroups()) {
            sum = sum.plus(tg.usage()).plus(tg.childUsage());
        }
        return sum;
    }

    private static byte[] stat(Kernel k) {
        CpuUsage used = total(k);
        int cpus = cpus(k);
        long user = CpuUsage.ticks(used.userNs());
        long system = CpuUsage.ticks(used.systemNs());
        long idle = Math.max(0, CpuUsage.ticks(k.clock().monotonicNs()) * cpus - user - system);
        StringBuilder s = new StringBuilder();
        s.append("cpu  ")
                .append(user)
                .append(" 0 ")
                .append(system)
                .append(' ')
                .append(idle)
                .append(" 0 0 0 0 0 0\n");
        for (int i = 0; i < cpus; i++) {
            s.append("cpu")
                    .append(i)
                    .append(' ')
                    .append(user / cpus)
                    .append(" 0 ")
                    .append(system / cpus);
            s.append(' ').append(idle / cpus).append(" 0 0 0 0 0 0\n");
        }
        int running = 0;
        int blocked = 0;
        for (Task t : k.tasks().tasks()) {
            running += t.stateLetter() == 'R' ? 1 : 0;
            blocked += t.stateLetter() == 'D' ? 1 : 0;
        }
        s.append("intr 0\nctxt ").append(used.voluntarySwitches()).append('\n');
        s.append("btime ").append(k.bootRealtimeNs() / NS_PER_SECOND).append('\n');
        s.append("processes ").append(k.tasks().forks()).append('\n');
        s.append("procs_running ")
                .append(running)
                .append("\nprocs_blocked ")
                .append(blocked)
                .append('\n');
        return ProcInode.bytes(s.toString());
    }

    private static byte[] uptime(Kernel k) {
        long up = k.clock().monotonicNs();
        CpuUsage used = total(k);
        long idle = Math.max(0, up * cpus(k) - used.userNs() - used.systemNs());
        return ProcInode.bytes(String.format(
                Locale.ROOT,
                "%d.%02d %d.%02d%n",
                up / NS_PER_SECOND,
                up % NS_PER_SECOND / 10_000_000,
                idle / NS_PER_SECOND,
                idle % NS_PER_SECOND / 10_000_000));
    }

    /** The averages are not kept: the first three figures are the number of running tasks now. */
    private static byte[] loadavg(Kernel k, ProcFilesystem fs) {
        int running = 0;
        int all = 0;
        for (Task t : k.tasks().tasks()) {
            all++;
            running += t.stateLetter() == 'R' ? 1 : 0;
        }
        return ProcInode.bytes(String.format(
                Locale.ROOT,
                "%d.00 %d.00 %d.00 %d/%d %d%n",
                running,
                running,
                running,
                running,
                all,
                fs.pids().lastPid()));
    }

    private static byte[] cpuinfo(Kernel k) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < cpus(k); i++) {
            s.append("processor\t: ").append(i).append('\n');
            s.append("vendor_id\t: unknown\ncpu family\t: 6\nmodel\t\t: 0\nmodel name\t: x86-64\nstepping\t: 0\n");
            s.append("physical id\t: 0\nsiblings\t: ")
                    .append(cpus(k))
                    .append("\ncore id\t\t: ")
                    .append(i);
            s.append("\ncpu cores\t: ").append(cpus(k)).append("\nfpu\t\t: yes\nfpu_exception\t: yes\n");
            s.append("flags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm\n");
            s.append(
                    "clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 48 bits physical, 48 bits virtual\n\n");
        }
        return ProcInode.bytes(s.toString());
    }

    private static byte[] filesystems(Kernel k) {
        Set<String> names = new TreeSet<>(Set.of("proc", "tmpfs", "overlay"));
        for (FilesystemType t : k.vfs().types()) {
            names.add(t.name());
        }
        StringBuilder s = new StringBuilder();
        names.forEach(n -> s.append("nodev\t").append(n).append('\n'));
        return ProcInode.bytes(s.toString());
    }
}
