package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskBlocking;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.time.Clock;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.waiter.WaitEntry;
import org.jspecify.annotations.Nullable;

/** Waiting for several files: poll(2), select(2). */
final class FilePollSyscalls {
    private static final int POLL_IN_SET =
            PollEvents.POLLRDNORM | PollEvents.POLLRDBAND | PollEvents.POLLIN | PollEvents.POLLHUP | PollEvents.POLLERR;
    private static final int POLL_OUT_SET =
            PollEvents.POLLWRBAND | PollEvents.POLLWRNORM | PollEvents.POLLOUT | PollEvents.POLLERR;
    private static final int POLL_EX_SET = PollEvents.POLLPRI;
    private static final int ALWAYS = PollEvents.POLLERR | PollEvents.POLLHUP;

    private static final long NS = 1_000_000_000L;

    private FilePollSyscalls() {}

    /** The files of one call: what is asked of them and what was found. */
    private static final class Polled {
        final @Nullable FileDescription[] files;
        final int[] masks;
        final int[] ready;

        Polled(int n) {
            files = new @Nullable FileDescription[n];
            masks = new int[n];
            ready = new int[n];
        }

        int scan() {
            int count = 0;
            for (int i = 0; i < files.length; i++) {
                FileDescription f = files[i];
                if (f != null) {
                    ready[i] = f.readiness(masks[i] | ALWAYS) & (masks[i] | ALWAYS);
                }
                if (ready[i] != 0) {
                    count++;
                }
            }
            return count;
        }

        void release() {
            for (FileDescription f : files) {
                if (f != null) {
                    f.decRef();
                }
            }
        }
    }

    /**
     * Waits until something is ready.
     *
     * @return how many are; -1 if a signal came first, 0 at the deadline
     */
    private static int await(Task t, Polled p, long deadlineNs) {
        int count = p.scan();
        if (count > 0 || deadlineNs <= t.kernel().clock().monotonicNs()) {
            return count;
        }
        TaskBlocking blocking = t.blocking();
        blocking.prepare();
        @Nullable WaitEntry[] entries = new @Nullable WaitEntry[p.files.length];
        try {
            for (int i = 0; i < p.files.length; i++) {
                FileDescription f = p.files[i];
                if (f != null) {
                    WaitEntry e = blocking.newEntry();
                    f.register(e, p.masks[i] | ALWAYS);
                    entries[i] = e;
                }
            }
            for (; ; ) {
                count = p.scan();
                if (count > 0) {
                    return count;
                }
                switch (blocking.sleep(deadlineNs)) {
                    case READY -> {}
                    case TIMED_OUT -> {
                        return p.scan();
                    }
                    case INTERRUPTED -> {
                        return -1;
                    }
                }
            }
        } finally {
            for (int i = 0; i < entries.length; i++) {
                WaitEntry e = entries[i];
                FileDescription f = p.files[i];
                if (e != null && f != null) {
                    f.unregister(e);
                }
            }
        }
    }

    // ---- poll ----

    static long poll(Task t, SyscallArgs a) throws ErrnoException {
        int timeoutMs = a.intAt(2);
        long deadline = timeoutMs < 0 ? Clock.NEVER : timeoutMs == 0 ? 0 : deadline(t, timeoutMs * 1_000_000L);
        return poll(t, a.longAt(0), a.intAt(1), deadline);
    }

    /** Goes on after a stop or an ignored signal with the same deadline. */
    private static long poll(Task t, long address, int count, long deadlineNs) throws ErrnoException {
        long n = pollOnce(t, address, count, deadlineNs);
        if (n < 0) {
            t.setRestartBlock((task, args) -> poll(task, address, count, deadlineNs));
            throw Errno.ERESTART_RESTARTBLOCK.exception();
        }
        return n;
    }

    static long ppoll(Task t, SyscallArgs a) throws ErrnoException {
        Timeout timeout = Timeout.timespec(t, a.longAt(2));
        setMask(t, a.longAt(3), a.longAt(4));
        boolean interrupted = true;
        try {
            long n = pollOnce(t, a.longAt(0), a.intAt(1), timeout.deadlineNs);
            interrupted = n < 0;
            timeout.writeBack(t);
            if (interrupted) {
                throw Errno.ERESTARTNOHAND.exception();
            }
            return n;
        } finally {
            if (!interrupted) {
                t.signals().restoreMask();
            }
        }
    }

    /** -1 if interrupted. */
    private static long pollOnce(Task t, long address, int count, long deadlineNs) throws ErrnoException {
        if (Long.compareUnsigned(count & 0xffffffffL, FileArguments.descriptorLimit(t)) > 0) {
            throw Errno.EINVAL.exception();
        }
        MemoryManager mm = t.memoryManager();
        byte[] fds = new byte[Math.multiplyExact(count, 8)];
        mm.copyIn(address, fds);
        Polled p = new Polled(count);
        try {
            for (int i = 0; i < count; i++) {
                int fd = GuestLayout.getInt(fds, i * 8);
                p.masks[i] = GuestLayout.getShort(fds, i * 8 + 4) & 0xffff;
                if (fd >= 0) {
                    p.files[i] = t.fdTable().find(fd);
                    if (p.files[i] == null) {
                        p.ready[i] = PollEvents.POLLNVAL;
                    }
                }
            }
            int n = await(t, p, deadlineNs);
            if (n < 0) {
                return -1;
            }
            for (int i = 0; i < count; i++) {
                GuestLayout.putShort(fds, i * 8 + 6, p.ready[i]);
            }
            mm.copyOut(address, fds);
            return n;
        } finally {
            p.release();
        }
    }

    // ---- select ----

    static long select(Task t, SyscallArgs a) throws ErrnoException {
        Timeout timeout = Timeout.timeval(t, a.longAt(4));
        long n = select(t, a, timeout.deadlineNs);
        timeout.writeBack(t);
        if (n < 0) {
            throw Errno.ERESTARTNOHAND.exception();
        }
        return n;
    }

    static long pselect6(Task t, SyscallArgs a) throws ErrnoException {
        Timeout timeout = Timeout.timespec(t, a.longAt(4));
        if (a.longAt(5) != 0) {
            long mask = t.memoryManager().readLong(a.longAt(5));
            long size = t.memoryManager().readLong(a.longAt(5) + 8);
            setMask(t, mask, size);
        }
        boolean interrupted = true;
        try {
            long n = select(t, a, timeout.deadlineNs);
            interrupted = n < 0;
            timeout.writeBack(t);
            if (interrupted) {
                throw Errno.ERESTARTNOHAND.exception();
            }
            return n;
        } finally {
            if (!interrupted) {
                t.signals().restoreMask();
            }
        }
    }

    private static long select(Task t, SyscallArgs a, long deadlineNs) throws ErrnoException {
        int n = a.intAt(0);
        if (n < 0) {
            throw Errno.EINVAL.exception();
        }
        int[] descriptors = t.fdTable().descriptors();
        int bound = descriptors.length == 0 ? 0 : descriptors[descriptors.length - 1] + 1;
        int bits = Math.min(n, Math.max(64, (bound + 63) & ~63));
        byte[][] in = new byte[3][];
        for (int s = 0; s < 3; s++) {
            in[s] = new byte[(bits + 63) / 64 * 8];
            if (a.longAt(1 + s) != 0) {
                t.memoryManager().copyIn(a.longAt(1 + s), in[s]);
            }
        }
        int[] fds = new int[bits];
        int count = 0;
        for (int fd = 0; fd < bits; fd++) {
            if (bit(in[0], fd) || bit(in[1], fd) || bit(in[2], fd)) {
                fds[count++] = fd;
            }
        }
        Polled p = new Polled(count);
        try {
            for (int i = 0; i < count; i++) {
                p.files[i] = t.fdTable().get(fds[i]);
                p.masks[i] = (bit(in[0], fds[i]) ? POLL_IN_SET : 0)
                        | (bit(in[1], fds[i]) ? POLL_OUT_SET : 0)
                        | (bit(in[2], fds[i]) ? POLL_EX_SET : 0);
            }
            if (await(t, p, deadlineNs) < 0) {
                return -1;
            }
            return giveSets(t, a, in, fds, p);
        } finally {
            p.release();
        }
    }

    private static long giveSets(Task t, SyscallArgs a, byte[][] in, int[] fds, Polled p) throws ErrnoException {
        int[] wanted = {POLL_IN_SET, POLL_OUT_SET, POLL_EX_SET};
        long total = 0;
        for (int s = 0; s < 3; s++) {
            if (a.longAt(1 + s) == 0) {
                continue;
            }
            byte[] out = new byte[in[s].length];
            for (int i = 0; i < p.files.length; i++) {
                if (bit(in[s], fds[i]) && (p.ready[i] & wanted[s]) != 0) {
                    out[fds[i] >> 3] |= (byte) (1 << (fds[i] & 7));
                    total++;
                }
            }
            t.memoryManager().copyOut(a.longAt(1 + s), out);
        }
        return total;
    }

    private static boolean bit(byte[] set, int fd) {
        return (set[fd >> 3] & (1 << (fd & 7))) != 0;
    }

    // ---- masks and timeouts ----

    private static void setMask(Task t, long address, long size) throws ErrnoException {
        if (address == 0) {
            return;
        }
        if (size != Signal.SIGSET_SIZE) {
            throw Errno.EINVAL.exception();
        }
        t.signals().setTemporaryMask(t.memoryManager().readLong(address));
    }

    private static long deadline(Task t, long ns) {
        long now = t.kernel().clock().monotonicNs();
        return ns >= Clock.NEVER - now ? Clock.NEVER : now + ns;
    }

    /** A timeout in guest memory that is updated to what is left of it. */
    private record Timeout(long address, long deadlineNs, long unitNs) {
        static Timeout timespec(Task t, long address) throws ErrnoException {
            return read(t, address, 1);
        }

        static Timeout timeval(Task t, long address) throws ErrnoException {
            return read(t, address, 1000);
        }

        private static Timeout read(Task t, long address, long unitNs) throws ErrnoException {
            if (address == 0) {
                return new Timeout(0, Clock.NEVER, unitNs);
            }
            long seconds = t.memoryManager().readLong(address);
            long fraction = t.memoryManager().readLong(address + 8);
            if (unitNs == 1000 && fraction >= 0) {
                // select(2) takes any number of microseconds.
                seconds = fraction / 1_000_000 > Long.MAX_VALUE - seconds ? seconds : seconds + fraction / 1_000_000;
                fraction %= 1_000_000;
            }
            if (seconds < 0 || fraction < 0 || fraction >= NS / unitNs) {
                throw Errno.EINVAL.exception();
            }
            if (seconds == 0 && fraction == 0) {
                return new Timeout(address, 0, unitNs);
            }
            long ns = seconds > Clock.NEVER / NS - 2 ? Clock.NEVER : seconds * NS + fraction * unitNs;
            return new Timeout(address, deadline(t, ns), unitNs);
        }

        void writeBack(Task t) {
            if (address == 0 || deadlineNs == Clock.NEVER) {
                return;
            }
            long left = Math.max(0, deadlineNs - t.kernel().clock().monotonicNs());
            byte[] b = new byte[16];
            GuestLayout.putLong(b, 0, left / NS);
            GuestLayout.putLong(b, 8, left % NS / unitNs);
            try {
                t.memoryManager().copyOut(address, b);
            } catch (ErrnoException e) {
                // As on Linux, a timeout in read-only memory is not worth an error.
                return;
            }
        }
    }
}
