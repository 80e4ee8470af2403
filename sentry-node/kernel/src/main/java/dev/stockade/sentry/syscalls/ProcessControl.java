package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.kernel.MemoryBarrier;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.mm.MemoryManager;
import java.util.Arrays;

/** prctl(2), arch_prctl(2), personality(2), rseq and membarrier. */
final class ProcessControl {
    private ProcessControl() {}

    private static final int PR_SET_PDEATHSIG = 1;
    private static final int PR_GET_PDEATHSIG = 2;
    private static final int PR_GET_DUMPABLE = 3;
    private static final int PR_SET_DUMPABLE = 4;
    private static final int PR_GET_KEEPCAPS = 7;
    private static final int PR_SET_KEEPCAPS = 8;
    private static final int PR_SET_NAME = 15;
    private static final int PR_GET_NAME = 16;
    private static final int PR_GET_SECCOMP = 21;
    private static final int PR_CAPBSET_READ = 23;
    private static final int PR_CAPBSET_DROP = 24;
    private static final int PR_GET_SECUREBITS = 27;
    private static final int PR_SET_SECUREBITS = 28;
    private static final int PR_SET_TIMERSLACK = 29;
    private static final int PR_GET_TIMERSLACK = 30;
    private static final int PR_SET_CHILD_SUBREAPER = 36;
    private static final int PR_GET_CHILD_SUBREAPER = 37;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_GET_NO_NEW_PRIVS = 39;
    private static final int PR_CAP_AMBIENT = 47;

    static long prctl(Task t, SyscallArgs a) throws ErrnoException {
        MemoryManager mm = t.memoryManager();
        long value = a.longAt(1);
        Credentials c = t.credentials();
        switch (a.intAt(0)) {
            case PR_SET_PDEATHSIG -> {
                if (value < 0 || value > Signal.SIGNAL_MAX) {
                    throw Errno.EINVAL.exception();
                }
                t.setParentDeathSignal((int) value);
            }
            case PR_GET_PDEATHSIG -> mm.writeInt(value, t.parentDeathSignal());
            case PR_GET_DUMPABLE -> {
                return t.threadGroup().dumpable();
            }
            case PR_SET_DUMPABLE -> {
                if (value != 0 && value != 1) {
                    throw Errno.EINVAL.exception();
                }
                t.threadGroup().setDumpable((int) value);
            }
            case PR_GET_KEEPCAPS -> {
                return c.keepCaps() ? 1 : 0;
            }
            case PR_SET_KEEPCAPS -> {
                if (value != 0 && value != 1) {
                    throw Errno.EINVAL.exception();
                }
                t.setCredentials(c.withFlags(c.securebits(), value == 1, c.noNewPrivs()));
            }
            case PR_SET_NAME -> {
                byte[] name = new byte[15];
                int length = 0;
                for (byte b; length < name.length && (b = mm.readByte(value + length)) != 0; length++) {
                    name[length] = b;
                }
                t.setComm(Arrays.copyOf(name, length));
            }
            case PR_GET_NAME -> mm.copyOut(value, Arrays.copyOf(t.comm(), 16));
            case PR_GET_SECCOMP -> {
                return 0;
            }
            case PR_CAPBSET_READ -> {
                return (c.bounding() >>> capability(value)) & 1;
            }
            case PR_CAPBSET_DROP -> {
                int capability = capability(value);
                if (!c.hasCapability(Capability.CAP_SETPCAP)) {
                    throw Errno.EPERM.exception();
                }
                t.setCredentials(c.withCapabilities(
                        c.permitted(),
                        c.effective(),
                        c.inheritable(),
                        c.bounding() & ~(1L << capability),
                        c.ambient()));
            }
            case PR_GET_SECUREBITS -> {
                return c.securebits();
            }
            case PR_SET_SECUREBITS -> {
                if (!c.hasCapability(Capability.CAP_SETPCAP) || (value & ~0xffL) != 0) {
                    throw Errno.EPERM.exception();
                }
                t.setCredentials(c.withFlags((int) value, c.keepCaps(), c.noNewPrivs()));
            }
            case PR_SET_TIMERSLACK -> t.setTimerSlackNs(value <= 0 ? 50_000 : value);
            case PR_GET_TIMERSLACK -> {
                return t.timerSlackNs();
            }
            case PR_SET_CHILD_SUBREAPER -> t.threadGroup().setChildSubreaper(value != 0);
            case PR_GET_CHILD_SUBREAPER -> mm.writeInt(value, t.threadGroup().isChildSubreaper() ? 1 : 0);
            case PR_SET_NO_NEW_PRIVS -> {
                if (value != 1 || a.longAt(2) != 0 || a.longAt(3) != 0 || a.longAt(4) != 0) {
                    throw Errno.EINVAL.exception();
                }
                t.setCredentials(c.withFlags(c.securebits(), c.keepCaps(), true));
            }
            case PR_GET_NO_NEW_PRIVS -> {
                return c.noNewPrivs() ? 1 : 0;
            }
            case PR_CAP_AMBIENT -> {
                return ambient(t, c, a);
            }
            default -> throw Errno.EINVAL.exception();
        }
        return 0;
    }

    private static int capability(long number) throws ErrnoException {
        if (number < 0 || number > Capability.CAP_LAST) {
            throw Errno.EINVAL.exception();
        }
        return (int) number;
    }

    private static long ambient(Task t, Credentials c, SyscallArgs a) throws ErrnoException {
        long next = c.ambient();
        switch (a.intAt(1)) {
            case 1 -> {
                return (c.ambient() >>> capability(a.longAt(2))) & 1; // PR_CAP_AMBIENT_IS_SET
            }
            case 2 -> {
                long bit = 1L << capability(a.longAt(2));
                if ((c.permitted() & c.inheritable() & bit) == 0) {
                    throw Errno.EPERM.exception();
                }
                next |= bit;
            }
            case 3 -> next &= ~(1L << capability(a.longAt(2)));
            case 4 -> next = 0;
            default -> throw Errno.EINVAL.exception();
        }
        t.setCredentials(c.withCapabilities(c.permitted(), c.effective(), c.inheritable(), c.bounding(), next));
        return 0;
    }

    private static final int ARCH_SET_GS = 0x1001;
    private static final int ARCH_SET_FS = 0x1002;
    private static final int ARCH_GET_FS = 0x1003;
    private static final int ARCH_GET_GS = 0x1004;

    /** First address that no program has. */
    private static final long TASK_SIZE_MAX = (1L << 47) - 4096;

    static long arch_prctl(Task t, SyscallArgs a) throws ErrnoException {
        long value = a.longAt(1);
        switch (a.intAt(0)) {
            case ARCH_SET_FS -> t.registers().fsBase = base(value);
            case ARCH_SET_GS -> t.registers().gsBase = base(value);
            case ARCH_GET_FS -> t.memoryManager().writeLong(value, t.registers().fsBase);
            case ARCH_GET_GS -> t.memoryManager().writeLong(value, t.registers().gsBase);
            default -> throw Errno.EINVAL.exception();
        }
        return 0;
    }

    private static long base(long value) throws ErrnoException {
        if (Long.compareUnsigned(value, TASK_SIZE_MAX) >= 0) {
            throw Errno.EPERM.exception();
        }
        return value;
    }

    private static final int MEMBARRIER_CMD_QUERY = 0;
    private static final int MEMBARRIER_CMD_GLOBAL = 1;
    private static final int MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
    private static final int MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16;

    static long membarrier(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(1) != 0) {
            throw Errno.EINVAL.exception();
        }
        switch (a.intAt(0)) {
            case MEMBARRIER_CMD_QUERY -> {
                return MEMBARRIER_CMD_GLOBAL
                        | MEMBARRIER_CMD_PRIVATE_EXPEDITED
                        | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
            }
            case MEMBARRIER_CMD_GLOBAL -> MemoryBarrier.run(t, false);
            case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED -> t.threadGroup().registerBarrier();
            case MEMBARRIER_CMD_PRIVATE_EXPEDITED -> {
                if (!t.threadGroup().barrierRegistered()) {
                    throw Errno.EPERM.exception();
                }
                MemoryBarrier.run(t, true);
            }
            default -> throw Errno.EINVAL.exception();
        }
        return 0;
    }

    static long personality(Task t, SyscallArgs a) {
        int old = t.personality();
        if (a.intAt(0) != -1) {
            t.setPersonality(a.intAt(0));
        }
        return old & 0xffffffffL;
    }
}
