package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.fs.event.EventCounter;
import dev.stockade.sentry.fs.event.EventPoll;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.kernel.TaskBlocking;
import dev.stockade.sentry.time.Clock;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.waiter.WaitEntry;
import java.util.List;

/** eventfd(2) and epoll(7). */
final class EventSyscalls {
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;

    /** struct epoll_event is packed. */
    private static final int EVENT_SIZE = 12;

    private static final int MAX_EVENTS = Integer.MAX_VALUE / EVENT_SIZE;

    /** How many events one call gives at most; the others wait for the next. */
    private static final int BATCH = 4096;

    private static final int EFD_SEMAPHORE = 1;
    private static final long NS = 1_000_000_000L;

    private EventSyscalls() {}

    static long eventfd(Task t, SyscallArgs a) throws ErrnoException {
        return eventfd(t, a.intAt(0), 0);
    }

    static long eventfd2(Task t, SyscallArgs a) throws ErrnoException {
        return eventfd(t, a.intAt(0), a.intAt(1));
    }

    private static long eventfd(Task t, int initial, int flags) throws ErrnoException {
        FileArguments.checkFlags(flags, EFD_SEMAPHORE | OpenFlags.O_CLOEXEC | OpenFlags.O_NONBLOCK);
        t.kernel().vfs().checkFileLimit();
        FileDescription f = new EventCounter(t.kernel().vfs(), initial, flags, (flags & EFD_SEMAPHORE) != 0);
        return FileArguments.install(t, f, flags);
    }

    static long epoll_create(Task t, SyscallArgs a) throws ErrnoException {
        if (a.intAt(0) <= 0) {
            throw Errno.EINVAL.exception();
        }
        t.kernel().vfs().checkFileLimit();
        return FileArguments.install(t, new EventPoll(t.kernel().vfs()), 0);
    }

    static long epoll_create1(Task t, SyscallArgs a) throws ErrnoException {
        FileArguments.checkFlags(a.intAt(0), OpenFlags.O_CLOEXEC);
        t.kernel().vfs().checkFileLimit();
        return FileArguments.install(t, new EventPoll(t.kernel().vfs()), a.intAt(0));
    }

    private static EventPoll poll(FileDescription f) throws ErrnoException {
        if (f instanceof EventPoll e) {
            return e;
        }
        throw Errno.EINVAL.exception();
    }

    static long epoll_ctl(Task t, SyscallArgs a) throws ErrnoException {
        int operation = a.intAt(1);
        int fd = a.intAt(2);
        byte[] event = new byte[EVENT_SIZE];
        if (operation != EPOLL_CTL_DEL) {
            t.memoryManager().copyIn(a.longAt(3), event);
        }
        return FileArguments.withFile(
                t,
                a.intAt(0),
                outer -> FileArguments.withFile(t, fd, file -> {
                    EventPoll e = poll(outer);
                    int events = GuestLayout.getInt(event, 0);
                    long data = GuestLayout.getLong(event, 4);
                    switch (operation) {
                        case EPOLL_CTL_ADD -> e.add(fd, file, events, data);
                        case EPOLL_CTL_MOD -> e.modify(fd, file, events, data);
                        case EPOLL_CTL_DEL -> e.delete(fd, file);
                        default -> throw Errno.EINVAL.exception();
                    }
                    return 0;
                }));
    }

    static long epoll_wait(Task t, SyscallArgs a) throws ErrnoException {
        return await(t, a, millis(t, a.intAt(3)));
    }

    static long epoll_pwait(Task t, SyscallArgs a) throws ErrnoException {
        return masked(t, a, millis(t, a.intAt(3)));
    }

    static long epoll_pwait2(Task t, SyscallArgs a) throws ErrnoException {
        long deadline = Clock.NEVER;
        if (a.longAt(3) != 0) {
            long seconds = t.memoryManager().readLong(a.longAt(3));
            long ns = t.memoryManager().readLong(a.longAt(3) + 8);
            if (seconds < 0 || ns < 0 || ns >= NS) {
                throw Errno.EINVAL.exception();
            }
            deadline = seconds > Clock.NEVER / NS - 2 ? Clock.NEVER : deadline(t, seconds * NS + ns);
        }
        return masked(t, a, deadline);
    }

    private static long masked(Task t, SyscallArgs a, long deadlineNs) throws ErrnoException {
        if (a.longAt(4) == 0) {
            return await(t, a, deadlineNs);
        }
        if (a.longAt(5) != Signal.SIGSET_SIZE) {
            throw Errno.EINVAL.exception();
        }
        t.signals().setTemporaryMask(t.memoryManager().readLong(a.longAt(4)));
        long n = await(t, a, deadlineNs);
        t.signals().restoreMask();
        return n;
    }

    private static long millis(Task t, int ms) {
        return ms < 0 ? Clock.NEVER : deadline(t, ms * 1_000_000L);
    }

    private static long deadline(Task t, long ns) {
        long now = t.kernel().clock().monotonicNs();
        return ns == 0 ? 0 : ns >= Clock.NEVER - now ? Clock.NEVER : now + ns;
    }

    private static long await(Task t, SyscallArgs a, long deadlineNs) throws ErrnoException {
        int max = a.intAt(2);
        if (max <= 0 || max > MAX_EVENTS) {
            throw Errno.EINVAL.exception();
        }
        long address = a.longAt(1);
        return FileArguments.withFile(t, a.intAt(0), f -> {
            EventPoll e = poll(f);
            List<EventPoll.Event> events = e.collect(Math.min(max, BATCH));
            if (events.isEmpty() && deadlineNs != 0) {
                events = sleep(t, e, Math.min(max, BATCH), deadlineNs);
            }
            byte[] out = new byte[events.size() * EVENT_SIZE];
            for (int i = 0; i < events.size(); i++) {
                GuestLayout.putInt(out, i * EVENT_SIZE, events.get(i).events());
                GuestLayout.putLong(out, i * EVENT_SIZE + 4, events.get(i).data());
            }
            t.memoryManager().copyOut(address, out);
            return events.size();
        });
    }

    private static List<EventPoll.Event> sleep(Task t, EventPoll e, int max, long deadlineNs) throws ErrnoException {
        TaskBlocking blocking = t.blocking();
        WaitEntry entry = blocking.newEntry();
        blocking.prepare();
        e.register(entry, PollEvents.IN);
        try {
            for (; ; ) {
                List<EventPoll.Event> events = e.collect(max);
                if (!events.isEmpty()) {
                    return events;
                }
                switch (blocking.sleep(deadlineNs)) {
                    case READY -> {}
                    case TIMED_OUT -> {
                        return e.collect(max);
                    }
                    case INTERRUPTED -> throw Errno.EINTR.exception();
                }
            }
        } finally {
            e.unregister(entry);
        }
    }
}
