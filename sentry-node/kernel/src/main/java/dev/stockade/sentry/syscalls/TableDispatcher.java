package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.kernel.ControlHandler;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.RunState;
import dev.stockade.sentry.kernel.SyscallArgs;
import dev.stockade.sentry.kernel.SyscallDispatcher;
import dev.stockade.sentry.kernel.SyscallHandler;
import dev.stockade.sentry.kernel.Task;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/** Runs calls from the table of one sandbox, and reports the missing ones: at most one event per number and minute. */
public final class TableDispatcher implements SyscallDispatcher {
    private static final long EVENT_INTERVAL_NS = 60_000_000_000L;

    private final @Nullable Syscall[] byNumber;

    /** When an unimplemented call was last reported, by number; the last slot is for numbers beyond the table. */
    private final AtomicLongArray reportedNs;

    /** The dispatcher of one sandbox. */
    public TableDispatcher() {
        this(SyscallTable.amd64());
    }

    TableDispatcher(List<Syscall> table) {
        byNumber = new @Nullable Syscall[table.getLast().number() + 1];
        for (Syscall s : table) {
            byNumber[s.number()] = s;
        }
        reportedNs = new AtomicLongArray(byNumber.length + 1);
    }

    private @Nullable Syscall find(long number) {
        return number >= 0 && number < byNumber.length ? byNumber[(int) number] : null;
    }

    @Override
    public @Nullable RunState dispatch(Task t, long number, SyscallArgs args) throws ErrnoException {
        // Linux takes the lower half of RAX.
        int nr = (int) number;
        t.kernel().statistics().count(nr);
        Syscall s = find(nr);
        if (s != null) {
            SyscallHandler handler = s.handler();
            if (handler != null) {
                t.setSyscallReturn(handler.call(t, args));
                return null;
            }
            ControlHandler control = s.control();
            if (control != null) {
                return control.call(t, args);
            }
        }
        Errno errno = s == null || s.errno() == null ? Errno.ENOSYS : s.errno();
        report(t, nr, errno);
        throw errno.exception();
    }

    private void report(Task t, int number, Errno errno) {
        int slot = number >= 0 && number < byNumber.length ? number : byNumber.length;
        long now = Math.max(1, t.kernel().clock().monotonicNs());
        long last = reportedNs.get(slot);
        if ((last == 0 || now - last >= EVENT_INTERVAL_NS) && reportedNs.compareAndSet(slot, last, now)) {
            t.kernel()
                    .config()
                    .events()
                    .event(
                            EventSink.UNIMPLEMENTED_SYSCALL,
                            Map.of(
                                    "number", Integer.toString(number),
                                    "name", name(number),
                                    "errno", errno.name(),
                                    "pid", Integer.toString(t.threadGroup().pid()),
                                    "comm", new String(t.comm(), StandardCharsets.ISO_8859_1)));
        }
    }

    @Override
    public String name(long number) {
        Syscall s = find(number);
        return s == null ? "#" + number : s.name();
    }
}
