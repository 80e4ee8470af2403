package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.PidNamespace;
import dev.stockade.sentry.kernel.Task;
import java.util.UUID;

/** /proc/sys: what programs read there; nothing of it can be written yet. */
final class SysctlFiles {
    private static final int OVERFLOW_ID = 65534;

    private SysctlFiles() {}

    static void addTo(FixedDirectory root, ProcFilesystem fs) {
        Kernel k = fs.kernel();
        FixedDirectory sys = directory(root, fs, "sys", 0x40);
        FixedDirectory kernel = directory(sys, fs, "kernel", 0x41);
        value(kernel, fs, "ostype", 0x50, "Linux");
        value(kernel, fs, "osrelease", 0x51, Kernel.RELEASE);
        value(kernel, fs, "version", 0x52, Kernel.VERSION);
        text(kernel, fs, "hostname", 0x53, c -> line(uts(k, ProcFilesystem.caller(c), false)));
        text(kernel, fs, "domainname", 0x54, c -> line(uts(k, ProcFilesystem.caller(c), true)));
        value(kernel, fs, "pid_max", 0x55, Integer.toString(PidNamespace.PID_MAX));
        text(
                kernel,
                fs,
                "threads-max",
                0x56,
                c -> line(Integer.toString(k.config().maxTasks())));
        value(kernel, fs, "cap_last_cap", 0x57, Integer.toString(Long.bitCount(Credentials.ALL_CAPABILITIES) - 1));
        value(kernel, fs, "ngroups_max", 0x58, "65536");
        value(kernel, fs, "overflowuid", 0x59, Integer.toString(OVERFLOW_ID));
        value(kernel, fs, "overflowgid", 0x5a, Integer.toString(OVERFLOW_ID));
        value(kernel, fs, "randomize_va_space", 0x5b, "2");
        FixedDirectory random = directory(kernel, fs, "random", 0x42);
        String boot = uuid(k);
        value(random, fs, "boot_id", 0x60, boot);
        text(random, fs, "uuid", 0x61, c -> line(uuid(k)));
        value(random, fs, "entropy_avail", 0x62, "256");
        FixedDirectory vm = directory(sys, fs, "vm", 0x43);
        value(vm, fs, "overcommit_memory", 0x70, "1");
        value(vm, fs, "max_map_count", 0x71, "65530");
        value(vm, fs, "mmap_min_addr", 0x72, "65536");
        FixedDirectory files = directory(sys, fs, "fs", 0x44);
        value(files, fs, "nr_open", 0x80, "1048576");
        value(files, fs, "pipe-max-size", 0x81, "1048576");
    }

    private static String uts(Kernel k, @org.jspecify.annotations.Nullable Task caller, boolean domain) {
        var uts = caller == null ? k.utsNamespace() : caller.utsNamespace();
        return ProcInode.string(domain ? uts.domainname() : uts.hostname());
    }

    private static String uuid(Kernel k) {
        // The layout of RFC 9562, version 4.
        long high = (k.random().nextLong() & ~0xf000L) | 0x4000L;
        long low = (k.random().nextLong() & 0x3fffffffffffffffL) | 0x8000000000000000L;
        return new UUID(high, low).toString();
    }

    private static byte[] line(String s) {
        return ProcInode.bytes(s + "\n");
    }

    private static FixedDirectory directory(FixedDirectory parent, ProcFilesystem fs, String name, long number) {
        FixedDirectory d = new FixedDirectory(fs, null, number, ProcInode.directory(0555));
        parent.add(name, d);
        return d;
    }

    private static void value(FixedDirectory d, ProcFilesystem fs, String name, long number, String value) {
        text(d, fs, name, number, c -> line(value));
    }

    private static void text(FixedDirectory d, ProcFilesystem fs, String name, long number, TextFile.Content content) {
        d.add(name, new TextFile(fs, null, number, 0444, content, null));
    }
}
