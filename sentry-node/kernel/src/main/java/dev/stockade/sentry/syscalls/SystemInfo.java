package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.kernel.Kernel;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.UtsNamespace;
import dev.stockade.sentry.mm.MemoryManager;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** What the system is, its names, its randomness. */
final class SystemInfo {
    private SystemInfo() {}

    private static final int UTS_FIELD = UtsNamespace.NAME_MAX + 1;

    static long uname(Task t, SyscallArgs a) throws ErrnoException {
        UtsNamespace uts = t.utsNamespace();
        byte[][] fields = {
            ascii("Linux"),
            uts.hostname(),
            ascii(Kernel.RELEASE),
            ascii(Kernel.VERSION),
            ascii("x86_64"),
            uts.domainname()
        };
        byte[] out = new byte[UTS_FIELD * fields.length];
        for (int i = 0; i < fields.length; i++) {
            System.arraycopy(fields[i], 0, out, i * UTS_FIELD, Math.min(fields[i].length, UTS_FIELD - 1));
        }
        t.memoryManager().copyOut(a.longAt(0), out);
        return 0;
    }

    private static byte[] ascii(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    static long sethostname(Task t, SyscallArgs a) throws ErrnoException {
        t.utsNamespace().setHostname(name(t, a));
        return 0;
    }

    static long setdomainname(Task t, SyscallArgs a) throws ErrnoException {
        t.utsNamespace().setDomainname(name(t, a));
        return 0;
    }

    private static byte[] name(Task t, SyscallArgs a) throws ErrnoException {
        if (!t.credentials().hasCapability(Capability.CAP_SYS_ADMIN)) {
            throw Errno.EPERM.exception();
        }
        int length = a.intAt(1);
        if (length < 0 || length > UtsNamespace.NAME_MAX) {
            throw Errno.EINVAL.exception();
        }
        byte[] name = new byte[length];
        t.memoryManager().copyIn(a.longAt(0), name);
        return name;
    }

    static long sysinfo(Task t, SyscallArgs a) throws ErrnoException {
        Kernel k = t.kernel();
        long total = k.frames().limitBytes();
        long free = Math.max(0, total - k.frames().usedBytes());
        ByteBuffer b = ByteBuffer.allocate(112).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, k.clock().monotonicNs() / GuestTime.NS_PER_SECOND);
        b.putLong(32, total);
        b.putLong(40, free);
        b.putShort(80, (short) Math.min(Short.MAX_VALUE, k.tasks().taskCount()));
        b.putInt(104, 1); // mem_unit
        t.memoryManager().copyOut(a.longAt(0), b.array());
        return 0;
    }

    private static final int GRND_NONBLOCK = 1;
    private static final int GRND_RANDOM = 2;
    private static final int GRND_INSECURE = 4;

    static long getrandom(Task t, SyscallArgs a) throws ErrnoException {
        int flags = a.intAt(2);
        if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) != 0
                || (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE)) {
            throw Errno.EINVAL.exception();
        }
        long length = Math.clamp(a.longAt(1) < 0 ? Long.MAX_VALUE : a.longAt(1), 0, 0x1ffffff);
        MemoryManager mm = t.memoryManager();
        byte[] chunk = new byte[(int) Math.min(length, 4096)];
        long done = 0;
        while (done < length) {
            int n = (int) Math.min(chunk.length, length - done);
            t.kernel().random().nextBytes(chunk);
            try {
                mm.copyOut(a.longAt(0) + done, MemorySegment.ofArray(chunk), 0, n);
            } catch (ErrnoException e) {
                if (done == 0) {
                    throw e;
                }
                break;
            }
            done += n;
            // A long call gives way to signals once it has something (getrandom(2)).
            if (done >= 256 && t.signals().isKilled()) {
                break;
            }
        }
        return done;
    }

    private static final int SYSLOG_ACTION_READ_ALL = 3;
    private static final int SYSLOG_ACTION_SIZE_UNREAD = 9;
    private static final int SYSLOG_ACTION_SIZE_BUFFER = 10;

    static long syslog(Task t, SyscallArgs a) throws ErrnoException {
        int type = a.intAt(0);
        if (type < 0 || type > SYSLOG_ACTION_SIZE_BUFFER) {
            throw Errno.EINVAL.exception();
        }
        boolean open = type == SYSLOG_ACTION_READ_ALL || type == SYSLOG_ACTION_SIZE_BUFFER;
        if (!open && !t.credentials().hasCapability(Capability.CAP_SYSLOG)) {
            throw Errno.EPERM.exception();
        }
        return switch (type) {
            case SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_UNREAD -> 0;
            case SYSLOG_ACTION_SIZE_BUFFER -> 1 << 12;
            default -> throw Errno.EPERM.exception();
        };
    }
}
