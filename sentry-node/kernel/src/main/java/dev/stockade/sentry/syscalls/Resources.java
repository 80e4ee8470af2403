package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.CpuUsage;
import dev.stockade.sentry.kernel.Executables;
import dev.stockade.sentry.kernel.ResourceLimits;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.ThreadGroup;
import dev.stockade.sentry.mm.MemoryManager;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Resource limits and usage. */
final class Resources {
    private Resources() {}

    private static final int RUSAGE_SELF = 0;
    private static final int RUSAGE_CHILDREN = -1;
    private static final int RUSAGE_THREAD = 1;

    /** struct rusage. */
    static byte[] rusage(CpuUsage u, long maxResidentBytes) {
        ByteBuffer b = ByteBuffer.allocate(144).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, u.userNs() / GuestTime.NS_PER_SECOND);
        b.putLong(8, u.userNs() % GuestTime.NS_PER_SECOND / 1000);
        b.putLong(16, u.systemNs() / GuestTime.NS_PER_SECOND);
        b.putLong(24, u.systemNs() % GuestTime.NS_PER_SECOND / 1000);
        b.putLong(32, maxResidentBytes / 1024);
        b.putLong(64, u.minorFaults());
        b.putLong(128, u.voluntarySwitches());
        return b.array();
    }

    static long getrusage(Task t, SyscallArgs a) throws ErrnoException {
        ThreadGroup tg = t.threadGroup();
        byte[] usage = switch (a.intAt(0)) {
            case RUSAGE_SELF -> rusage(tg.usage(), tg.maxResidentBytes(false));
            case RUSAGE_THREAD -> rusage(t.accounting().usage(), tg.maxResidentBytes(false));
            case RUSAGE_CHILDREN -> rusage(tg.childUsage(), tg.maxResidentBytes(true));
            default -> throw Errno.EINVAL.exception();
        };
        t.memoryManager().copyOut(a.longAt(1), usage);
        return 0;
    }

    private static int resource(int number) throws ErrnoException {
        if (number < 0 || number >= Resource.RLIM_NLIMITS) {
            throw Errno.EINVAL.exception();
        }
        return number;
    }

    static long getrlimit(Task t, SyscallArgs a) throws ErrnoException {
        write(t, a.longAt(1), t.threadGroup().limits().get(resource(a.intAt(0))));
        return 0;
    }

    static long setrlimit(Task t, SyscallArgs a) throws ErrnoException {
        set(t, t, resource(a.intAt(0)), read(t, a.longAt(1)));
        return 0;
    }

    static long prlimit64(Task t, SyscallArgs a) throws ErrnoException {
        int pid = a.intAt(0);
        int resource = resource(a.intAt(1));
        Task target = pid == 0 ? t : t.pidNamespace().task(pid);
        if (target == null) {
            throw Errno.ESRCH.exception();
        }
        if (target.threadGroup() != t.threadGroup()) {
            Credentials c = t.credentials();
            Credentials o = target.credentials();
            boolean same = c.ruid() == o.euid()
                    && c.ruid() == o.suid()
                    && c.ruid() == o.ruid()
                    && c.rgid() == o.egid()
                    && c.rgid() == o.sgid()
                    && c.rgid() == o.rgid();
            if (!same && !c.hasCapability(Capability.CAP_SYS_RESOURCE)) {
                throw Errno.EPERM.exception();
            }
        }
        ResourceLimits.Limit next = a.longAt(2) == 0 ? null : read(t, a.longAt(2));
        ResourceLimits.Limit old = target.threadGroup().limits().get(resource);
        if (next != null) {
            set(t, target, resource, next);
        }
        if (a.longAt(3) != 0) {
            write(t, a.longAt(3), old);
        }
        return 0;
    }

    private static ResourceLimits.Limit read(Task t, long address) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        return new ResourceLimits.Limit(mm.readLong(address), mm.readLong(address + 8));
    }

    private static void write(Task t, long address, ResourceLimits.Limit l) throws ErrnoException {
        t.memoryManager().writeLong(address, l.soft());
        t.memoryManager().writeLong(address + 8, l.hard());
    }

    private static void set(Task t, Task target, int resource, ResourceLimits.Limit next) throws ErrnoException {
        if (Long.compareUnsigned(next.soft(), next.hard()) > 0) {
            throw Errno.EINVAL.exception();
        }
        ResourceLimits limits = target.threadGroup().limits();
        ResourceLimits.Limit old = limits.get(resource);
        boolean raises = Long.compareUnsigned(next.hard(), old.hard()) > 0;
        // The sandbox's own bounds can't be raised by anyone in it.
        boolean bounded = resource == Resource.RLIMIT_NOFILE
                || resource == Resource.RLIMIT_NPROC
                || resource == Resource.RLIMIT_SIGPENDING;
        if (raises && (bounded || !t.credentials().hasCapability(Capability.CAP_SYS_RESOURCE))) {
            throw Errno.EPERM.exception();
        }
        limits.set(resource, next.soft(), next.hard());
        if (resource == Resource.RLIMIT_CPU) {
            target.threadGroup().cpuTimers().limitChanged();
        }
        MemoryManager mm = target.memoryManager();
        if (mm.tryIncUsers()) {
            try {
                mm.setLimits(Executables.memoryLimits(limits));
            } finally {
                mm.decUsers();
            }
        }
    }
}
