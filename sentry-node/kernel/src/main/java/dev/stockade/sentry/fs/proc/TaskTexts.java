package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.CpuUsage;
import dev.stockade.sentry.kernel.PidNamespace;
import dev.stockade.sentry.kernel.ResourceLimits;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.mm.MappingInfo;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.mm.MemoryUsage;
import dev.stockade.sentry.mm.ProcessImage;
import java.util.Arrays;
import java.util.Locale;

/** What the files of /proc/[pid] hold (proc(5), fs/proc/array.c). */
final class TaskTexts {
    private static final MemoryUsage NO_MEMORY = new MemoryUsage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    private static final int CMDLINE_MAX = 2 << 20;
    private static final int PAGE = 4096;

    private TaskTexts() {}

    private static MemoryUsage memory(Task t) {
        return t.isAlive() ? t.memoryManager().usage() : NO_MEMORY;
    }

    static byte[] comm(Task t) {
        return ProcInode.bytes(ProcInode.string(t.comm()) + "\n");
    }

    static byte[] stat(ProcFilesystem fs, Task t, boolean process) {
        PidNamespace pids = fs.pids();
        ThreadGroup tg = t.threadGroup();
        CpuUsage own = process ? tg.usage() : t.accounting().usage();
        CpuUsage children = process ? tg.childUsage() : CpuUsage.NONE;
        MemoryUsage m = memory(t);
        boolean alive = t.isAlive();
        ProcessImage image = alive ? t.memoryManager().image() : null;
        int threads = tg.tasks().size();
        long[] rest = new long[52];
        rest[3] = parent(pids, tg);
        rest[4] = tg.processGroup().id();
        rest[5] = tg.session().id();
        rest[6] = 0; // no terminal
        rest[7] = -1;
        rest[8] = 0x400000; // PF_RANDOMIZE
        rest[9] = own.minorFaults();
        rest[10] = children.minorFaults();
        rest[13] = CpuUsage.ticks(own.userNs());
        rest[14] = CpuUsage.ticks(own.systemNs());
        rest[15] = CpuUsage.ticks(children.userNs());
        rest[16] = CpuUsage.ticks(children.systemNs());
        rest[17] = 20L + t.niceness();
        rest[18] = t.niceness();
        rest[19] = threads;
        rest[21] = CpuUsage.ticks(t.startNs());
        rest[22] = m.virtual();
        rest[23] = m.resident() / PAGE;
        rest[24] = tg.limits().soft(Resource.RLIMIT_RSS);
        if (image != null) {
            rest[25] = image.startCode();
            rest[26] = image.endCode();
            rest[27] = image.startStack();
            rest[44] = image.startData();
            rest[45] = image.endData();
            rest[46] = image.startBrk();
            rest[47] = image.argStart();
            rest[48] = image.argEnd();
            rest[49] = image.envStart();
            rest[50] = image.envEnd();
        }
        // 30 to 33 hold only the first 31 signals.
        rest[30] = t.signals().pendingSet() & 0x7fffffff;
        rest[31] = t.signals().mask() & 0x7fffffff;
        rest[32] = tg.signalHandlers().set(true) & 0x7fffffff;
        rest[33] = tg.signalHandlers().set(false) & 0x7fffffff;
        rest[37] = 17; // SIGCHLD
        rest[39] = t.schedPriority();
        rest[40] = t.schedPolicy();
        StringBuilder s = new StringBuilder(300);
        s.append(process ? pids.pidOf(tg) : pids.tidOf(t));
        s.append(" (").append(ProcInode.string(t.comm())).append(") ");
        s.append(t.stateLetter());
        for (int i = 3; i < rest.length; i++) {
            s.append(' ');
            if (i >= 22 && i <= 33 && rest[i] < 0) {
                s.append(Long.toUnsignedString(rest[i]));
            } else {
                s.append(rest[i]);
            }
        }
        return ProcInode.bytes(s.append('\n').toString());
    }

    private static int parent(PidNamespace pids, ThreadGroup tg) {
        return pids.pidOf(tg.parent());
    }

    static byte[] statm(Task t) {
        MemoryUsage m = memory(t);
        return ProcInode.bytes(m.virtual() / PAGE + " " + m.resident() / PAGE + " "
                + (m.residentFile() + m.residentShared()) / PAGE + " " + m.text() / PAGE + " 0 "
                + (m.data() + m.stack()) / PAGE + " 0\n");
    }

    static byte[] status(ProcFilesystem fs, Task t) {
        PidNamespace pids = fs.pids();
        ThreadGroup tg = t.threadGroup();
        Credentials c = t.credentials();
        StringBuilder s = new StringBuilder(1200);
        char state = t.stateLetter();
        line(s, "Name", ProcInode.string(t.comm()).replace("\\", "\\\\").replace("\n", "\\n"));
        line(s, "Umask", String.format("%04o", t.isAlive() ? t.fsContext().umask() : 0));
        line(s, "State", state + " (" + stateName(state) + ")");
        line(s, "Tgid", pids.pidOf(tg));
        line(s, "Ngid", 0);
        line(s, "Pid", pids.tidOf(t));
        line(s, "PPid", pids.pidOf(tg.parent()));
        line(s, "TracerPid", 0);
        line(s, "Uid", ids(c.ruid(), c.euid(), c.suid(), c.fsuid()));
        line(s, "Gid", ids(c.rgid(), c.egid(), c.sgid(), c.fsgid()));
        line(
                s,
                "FDSize",
                t.isAlive() ? Math.max(64, Integer.highestOneBit(t.fdTable().size()) * 2) : 0);
        StringBuilder groups = new StringBuilder();
        for (int g : c.groups()) {
            groups.append(Integer.toUnsignedString(g)).append(' ');
        }
        line(s, "Groups", groups.toString());
        line(s, "NStgid", pids.pidOf(tg));
        line(s, "NSpid", pids.tidOf(t));
        line(s, "NSpgid", tg.processGroup().id());
        line(s, "NSsid", tg.session().id());
        if (t.isAlive()) {
            MemoryUsage m = t.memoryManager().usage();
            kb(s, "VmPeak", m.peakVirtual());
            kb(s, "VmSize", m.virtual());
            kb(s, "VmLck", m.locked());
            kb(s, "VmPin", 0);
            kb(s, "VmHWM", m.peakResident());
            kb(s, "VmRSS", m.resident());
            kb(s, "RssAnon", m.residentAnonymous());
            kb(s, "RssFile", m.residentFile());
            kb(s, "RssShmem", m.residentShared());
            kb(s, "VmData", m.data());
            kb(s, "VmStk", m.stack());
            kb(s, "VmExe", m.text());
            kb(s, "VmLib", 0);
            kb(s, "VmPTE", m.pageTables());
            kb(s, "VmSwap", 0);
        }
        line(s, "Threads", tg.tasks().size());
        line(s, "SigQ", "0/" + tg.limits().soft(Resource.RLIMIT_SIGPENDING));
        set(s, "SigPnd", t.signals().pendingSet());
        set(s, "ShdPnd", tg.pendingSet());
        set(s, "SigBlk", t.signals().mask());
        set(s, "SigIgn", tg.signalHandlers().set(true));
        set(s, "SigCgt", tg.signalHandlers().set(false));
        set(s, "CapInh", c.inheritable());
        set(s, "CapPrm", c.permitted());
        set(s, "CapEff", c.effective());
        set(s, "CapBnd", c.bounding());
        set(s, "CapAmb", c.ambient());
        line(s, "NoNewPrivs", c.noNewPrivs() ? 1 : 0);
        line(s, "Seccomp", 0);
        line(s, "Seccomp_filters", 0);
        line(s, "Cpus_allowed", Long.toHexString(t.affinity()));
        line(s, "Cpus_allowed_list", cpuList(t.affinity()));
        line(s, "Mems_allowed", 1);
        line(s, "Mems_allowed_list", 0);
        line(s, "voluntary_ctxt_switches", t.accounting().usage().voluntarySwitches());
        line(s, "nonvoluntary_ctxt_switches", 0);
        return ProcInode.bytes(s.toString());
    }

    private static String stateName(char state) {
        return switch (state) {
            case 'R' -> "running";
            case 'S' -> "sleeping";
            case 'D' -> "disk sleep";
            case 'T' -> "stopped";
            case 'Z' -> "zombie";
            default -> "dead";
        };
    }

    private static String ids(int... ids) {
        StringBuilder s = new StringBuilder();
        for (int id : ids) {
            s.append(s.isEmpty() ? "" : "\t").append(Integer.toUnsignedString(id));
        }
        return s.toString();
    }

    static String cpuList(long mask) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < 64; i++) {
            if ((mask >>> i & 1) != 0) {
                int from = i;
                while (i < 63 && (mask >>> (i + 1) & 1) != 0) {
                    i++;
                }
                s.append(s.isEmpty() ? "" : ",").append(from);
                if (i > from) {
                    s.append('-').append(i);
                }
            }
        }
        return s.toString();
    }

    private static void line(StringBuilder s, String name, Object value) {
        s.append(name).append(":\t").append(value).append('\n');
    }

    private static void kb(StringBuilder s, String name, long bytes) {
        s.append(name).append(":\t").append(String.format("%8d", bytes / 1024)).append(" kB\n");
    }

    private static void set(StringBuilder s, String name, long bits) {
        s.append(name).append(":\t").append(String.format("%016x", bits)).append('\n');
    }

    static byte[] cmdline(Task t) {
        if (!t.isAlive()) {
            return new byte[0];
        }
        ProcessImage image = t.memoryManager().image();
        return guest(t, image.argStart(), image.argEnd());
    }

    static byte[] environ(Task t) {
        if (!t.isAlive()) {
            return new byte[0];
        }
        ProcessImage image = t.memoryManager().image();
        return guest(t, image.envStart(), image.envEnd());
    }

    /** As much of a range of guest memory as can be read. */
    private static byte[] guest(Task t, long start, long end) {
        int length = Math.clamp(end - start, 0, CMDLINE_MAX);
        byte[] out = new byte[length];
        MemoryManager mm = t.memoryManager();
        if (!mm.tryIncUsers()) {
            return new byte[0];
        }
        try {
            int done = 0;
            while (done < length) {
                byte[] part = new byte[(int) Math.min(length - done, PAGE - (start + done) % PAGE)];
                try {
                    mm.copyIn(start + done, part);
                } catch (ErrnoException e) {
                    return Arrays.copyOf(out, done);
                }
                System.arraycopy(part, 0, out, done, part.length);
                done += part.length;
            }
            return out;
        } finally {
            mm.decUsers();
        }
    }

    static byte[] maps(Task t, boolean details) {
        if (!t.isAlive()) {
            return new byte[0];
        }
        StringBuilder s = new StringBuilder(2000);
        for (MappingInfo m : t.memoryManager().mappings(details)) {
            StringBuilder line = new StringBuilder(100);
            line.append(String.format("%08x-%08x ", m.start(), m.end()));
            line.append((m.prot() & 1) != 0 ? 'r' : '-');
            line.append((m.prot() & 2) != 0 ? 'w' : '-');
            line.append((m.prot() & 4) != 0 ? 'x' : '-');
            line.append(m.shared() ? 's' : 'p');
            long device = m.deviceNumber();
            line.append(String.format(
                    " %08x %02x:%02x %d ", m.fileOffset(), device >>> 8 & 0xfff, device & 0xff, m.inodeNumber()));
            if (!m.name().isEmpty()) {
                while (line.length() < 73) {
                    line.append(' ');
                }
                line.append(m.name().replace("\n", "\\012"));
            }
            s.append(line).append('\n');
            if (details) {
                smaps(s, m);
            }
        }
        return ProcInode.bytes(s.toString());
    }

    private static void smaps(StringBuilder s, MappingInfo m) {
        long resident = m.residentBytes();
        long anonymous = m.anonymousBytes();
        Object[][] rows = {
            {"Size", m.end() - m.start()},
            {"KernelPageSize", 4096L},
            {"MMUPageSize", 4096L},
            {"Rss", resident},
            {"Pss", resident},
            {"Shared_Clean", m.shared() ? resident : 0L},
            {"Shared_Dirty", 0L},
            {"Private_Clean", m.shared() ? 0L : resident - anonymous},
            {"Private_Dirty", m.shared() ? 0L : anonymous},
            {"Referenced", resident},
            {"Anonymous", anonymous},
            {"Swap", 0L},
            {"Locked", m.locked() ? resident : 0L},
        };
        for (Object[] row : rows) {
            s.append(String.format(Locale.ROOT, "%-16s%8d kB%n", row[0] + ":", (long) row[1] / 1024));
        }
    }

    static byte[] limits(Task t) {
        String[][] rows = {
            {"cpu time", "seconds"},
            {"file size", "bytes"},
            {"data size", "bytes"},
            {"stack size", "bytes"},
            {"core file size", "bytes"},
            {"resident set", "bytes"},
            {"processes", "processes"},
            {"open files", "files"},
            {"locked memory", "bytes"},
            {"address space", "bytes"},
            {"file locks", "locks"},
            {"pending signals", "signals"},
            {"msgqueue size", "bytes"},
            {"nice priority", ""},
            {"realtime priority", ""},
            {"realtime timeout", "us"},
        };
        StringBuilder s = new StringBuilder(1400);
        s.append(String.format("%-25s %-20s %-20s %-10s%n", "Limit", "Soft Limit", "Hard Limit", "Units"));
        for (int i = 0; i < rows.length; i++) {
            ResourceLimits.Limit limit = t.threadGroup().limits().get(i);
            s.append(String.format(
                    "%-25s %-20s %-20s %-10s%n",
                    "Max " + rows[i][0], limit(limit.soft()), limit(limit.hard()), rows[i][1]));
        }
        return ProcInode.bytes(s.toString());
    }

    private static String limit(long value) {
        return value == -1 ? "unlimited" : Long.toUnsignedString(value);
    }

    /** Share of the sandbox's memory in thousandths, moved by the adjustment (proc(5)). */
    static byte[] oomScore(ProcFilesystem fs, Task t) {
        long share =
                memory(t).resident() * 1000 / Math.max(1, fs.kernel().frames().limitBytes());
        long score = Math.clamp(666 + (share + t.threadGroup().oomScoreAdj()) * 2 / 3, 0, 2000);
        return ProcInode.bytes(score + "\n");
    }

    static byte[] schedstat(Task t) {
        CpuUsage u = t.accounting().usage();
        return ProcInode.bytes(u.userNs() + u.systemNs() + " 0 " + u.voluntarySwitches() + "\n");
    }
}
