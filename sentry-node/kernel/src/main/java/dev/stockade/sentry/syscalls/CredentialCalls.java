package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;

/** User and group ids and capabilities (credentials(7), kernel/sys.c). */
final class CredentialCalls {
    private CredentialCalls() {}

    /** Linux allows 65536; every task can have a list of its own, so they are bounded here. */
    private static final int GROUPS_MAX = 1024;

    static long getuid(Task t, SyscallArgs a) {
        return t.credentials().ruid() & 0xffffffffL;
    }

    static long geteuid(Task t, SyscallArgs a) {
        return t.credentials().euid() & 0xffffffffL;
    }

    static long getgid(Task t, SyscallArgs a) {
        return t.credentials().rgid() & 0xffffffffL;
    }

    static long getegid(Task t, SyscallArgs a) {
        return t.credentials().egid() & 0xffffffffL;
    }

    static long getresuid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        write3(t, a, c.ruid(), c.euid(), c.suid());
        return 0;
    }

    static long getresgid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        write3(t, a, c.rgid(), c.egid(), c.sgid());
        return 0;
    }

    private static void write3(Task t, SyscallArgs a, int x, int y, int z) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        mm.writeInt(a.longAt(0), x);
        mm.writeInt(a.longAt(1), y);
        mm.writeInt(a.longAt(2), z);
    }

    static long setuid(Task t, SyscallArgs a) throws ErrnoException {
        int uid = id(a.intAt(0));
        Credentials c = t.credentials();
        if (c.hasCapability(Capability.CAP_SETUID)) {
            t.setCredentials(c.withUids(uid, uid, uid, uid));
        } else if (uid == c.ruid() || uid == c.suid()) {
            t.setCredentials(c.withUids(c.ruid(), uid, c.suid(), uid));
        } else {
            throw Errno.EPERM.exception();
        }
        return 0;
    }

    static long setgid(Task t, SyscallArgs a) throws ErrnoException {
        int gid = id(a.intAt(0));
        Credentials c = t.credentials();
        if (c.hasCapability(Capability.CAP_SETGID)) {
            t.setCredentials(c.withGids(gid, gid, gid, gid));
        } else if (gid == c.rgid() || gid == c.sgid()) {
            t.setCredentials(c.withGids(c.rgid(), gid, c.sgid(), gid));
        } else {
            throw Errno.EPERM.exception();
        }
        return 0;
    }

    /** -1 is no id. */
    private static int id(int value) throws ErrnoException {
        if (value == -1) {
            throw Errno.EINVAL.exception();
        }
        return value;
    }

    static long setreuid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        int r = a.intAt(0) == -1 ? c.ruid() : a.intAt(0);
        int e = a.intAt(1) == -1 ? c.euid() : a.intAt(1);
        if (!c.hasCapability(Capability.CAP_SETUID)
                && ((r != c.ruid() && r != c.euid()) || (e != c.ruid() && e != c.euid() && e != c.suid()))) {
            throw Errno.EPERM.exception();
        }
        int s = a.intAt(0) != -1 || (a.intAt(1) != -1 && e != c.ruid()) ? e : c.suid();
        t.setCredentials(c.withUids(r, e, s, e));
        return 0;
    }

    static long setregid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        int r = a.intAt(0) == -1 ? c.rgid() : a.intAt(0);
        int e = a.intAt(1) == -1 ? c.egid() : a.intAt(1);
        if (!c.hasCapability(Capability.CAP_SETGID)
                && ((r != c.rgid() && r != c.egid()) || (e != c.rgid() && e != c.egid() && e != c.sgid()))) {
            throw Errno.EPERM.exception();
        }
        int s = a.intAt(0) != -1 || (a.intAt(1) != -1 && e != c.rgid()) ? e : c.sgid();
        t.setCredentials(c.withGids(r, e, s, e));
        return 0;
    }

    static long setresuid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        int[] next = {c.ruid(), c.euid(), c.suid()};
        boolean free = c.hasCapability(Capability.CAP_SETUID);
        for (int i = 0; i < 3; i++) {
            int id = a.intAt(i);
            if (id != -1) {
                if (!free && id != c.ruid() && id != c.euid() && id != c.suid()) {
                    throw Errno.EPERM.exception();
                }
                next[i] = id;
            }
        }
        t.setCredentials(c.withUids(next[0], next[1], next[2], next[1]));
        return 0;
    }

    static long setresgid(Task t, SyscallArgs a) throws ErrnoException {
        Credentials c = t.credentials();
        int[] next = {c.rgid(), c.egid(), c.sgid()};
        boolean free = c.hasCapability(Capability.CAP_SETGID);
        for (int i = 0; i < 3; i++) {
            int id = a.intAt(i);
            if (id != -1) {
                if (!free && id != c.rgid() && id != c.egid() && id != c.sgid()) {
                    throw Errno.EPERM.exception();
                }
                next[i] = id;
            }
        }
        t.setCredentials(c.withGids(next[0], next[1], next[2], next[1]));
        return 0;
    }

    static long setfsuid(Task t, SyscallArgs a) {
        Credentials c = t.credentials();
        int id = a.intAt(0);
        boolean allowed = id == c.ruid()
                || id == c.euid()
                || id == c.suid()
                || id == c.fsuid()
                || c.hasCapability(Capability.CAP_SETUID);
        if (id != -1 && allowed) {
            t.setCredentials(c.withUids(c.ruid(), c.euid(), c.suid(), id));
        }
        return c.fsuid() & 0xffffffffL;
    }

    static long setfsgid(Task t, SyscallArgs a) {
        Credentials c = t.credentials();
        int id = a.intAt(0);
        boolean allowed = id == c.rgid()
                || id == c.egid()
                || id == c.sgid()
                || id == c.fsgid()
                || c.hasCapability(Capability.CAP_SETGID);
        if (id != -1 && allowed) {
            t.setCredentials(c.withGids(c.rgid(), c.egid(), c.sgid(), id));
        }
        return c.fsgid() & 0xffffffffL;
    }

    static long getgroups(Task t, SyscallArgs a) throws ErrnoException {
        int size = a.intAt(0);
        int[] groups = t.credentials().groups();
        if (size < 0 || (size > 0 && size < groups.length)) {
            throw Errno.EINVAL.exception();
        }
        if (size > 0) {
            for (int i = 0; i < groups.length; i++) {
                t.memoryManager().writeInt(a.longAt(1) + 4L * i, groups[i]);
            }
        }
        return groups.length;
    }

    static long setgroups(Task t, SyscallArgs a) throws ErrnoException {
        if (!t.credentials().hasCapability(Capability.CAP_SETGID)) {
            throw Errno.EPERM.exception();
        }
        int size = a.intAt(0);
        if (size < 0 || size > GROUPS_MAX) {
            throw Errno.EINVAL.exception();
        }
        int[] groups = new int[size];
        for (int i = 0; i < size; i++) {
            groups[i] = id(t.memoryManager().readInt(a.longAt(1) + 4L * i));
        }
        t.setCredentials(t.credentials().withGroups(groups));
        return 0;
    }

    // ---- Capabilities (capget(2))

    private static final int VERSION_1 = 0x19980330;
    private static final int VERSION_2 = 0x20071026;
    private static final int VERSION_3 = 0x20080522;

    /** Elements of the data array for the header's version; 0 if it is unknown, which is written back then. */
    private static int elements(MemoryManager mm, long header) throws ErrnoException {
        switch (mm.readInt(header)) {
            case VERSION_1 -> {
                return 1;
            }
            case VERSION_2, VERSION_3 -> {
                return 2;
            }
            default -> {
                mm.writeInt(header, VERSION_3);
                return 0;
            }
        }
    }

    static long capget(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        int n = elements(mm, a.longAt(0));
        if (n == 0) {
            if (a.longAt(1) == 0) {
                return 0;
            }
            throw Errno.EINVAL.exception();
        }
        int pid = mm.readInt(a.longAt(0) + 4);
        if (pid < 0) {
            throw Errno.EINVAL.exception();
        }
        Task target = pid == 0 ? t : t.pidNamespace().task(pid);
        if (target == null) {
            throw Errno.ESRCH.exception();
        }
        if (a.longAt(1) == 0) {
            return 0;
        }
        Credentials c = target.credentials();
        for (int i = 0; i < n; i++) {
            long p = a.longAt(1) + 12L * i;
            mm.writeInt(p, (int) (c.effective() >>> (32 * i)));
            mm.writeInt(p + 4, (int) (c.permitted() >>> (32 * i)));
            mm.writeInt(p + 8, (int) (c.inheritable() >>> (32 * i)));
        }
        return 0;
    }

    static long capset(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        int n = elements(mm, a.longAt(0));
        if (n == 0) {
            throw Errno.EINVAL.exception();
        }
        int pid = mm.readInt(a.longAt(0) + 4);
        if (pid != 0 && pid != t.tid()) {
            throw Errno.EPERM.exception();
        }
        long effective = 0;
        long permitted = 0;
        long inheritable = 0;
        for (int i = 0; i < n; i++) {
            long p = a.longAt(1) + 12L * i;
            effective |= (mm.readInt(p) & 0xffffffffL) << (32 * i);
            permitted |= (mm.readInt(p + 4) & 0xffffffffL) << (32 * i);
            inheritable |= (mm.readInt(p + 8) & 0xffffffffL) << (32 * i);
        }
        effective &= Credentials.ALL_CAPABILITIES;
        permitted &= Credentials.ALL_CAPABILITIES;
        inheritable &= Credentials.ALL_CAPABILITIES;
        Credentials c = t.credentials();
        boolean mayInherit = c.hasCapability(Capability.CAP_SETPCAP);
        boolean bad = (!mayInherit && (inheritable & ~(c.inheritable() | c.permitted())) != 0)
                || (inheritable & ~(c.inheritable() | c.bounding())) != 0
                || (permitted & ~c.permitted()) != 0
                || (effective & ~permitted) != 0;
        if (bad) {
            throw Errno.EPERM.exception();
        }
        t.setCredentials(c.withCapabilities(
                permitted, effective, inheritable, c.bounding(), c.ambient() & permitted & inheritable));
        return 0;
    }
}
