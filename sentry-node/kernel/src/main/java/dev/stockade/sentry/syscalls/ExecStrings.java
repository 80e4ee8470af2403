package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.kernel.Task;
import java.util.ArrayList;
import java.util.List;

/** Reads execve's argument and environment arrays, charged to the sandbox while they are held. */
final class ExecStrings implements AutoCloseable {
    /** MAX_ARG_STRLEN. */
    private static final int MAX_ARG_STRLEN = 131072;

    /** What a string costs beside its bytes: its pointer for the program, its object here. */
    private static final int OVERHEAD = 8 + 24;

    private final Task task;
    private long left;
    private long charged;

    /** @param limitBytes of both arrays together */
    ExecStrings(Task task, long limitBytes) {
        this.task = task;
        this.left = limitBytes;
    }

    /** @throws ErrnoException EFAULT, E2BIG, ENOMEM */
    List<byte[]> read(long array) throws ErrnoException {
        List<byte[]> strings = new ArrayList<>();
        if (array == 0) {
            return strings;
        }
        for (long p = array; ; p += 8) {
            long address = task.memoryManager().readLong(p);
            if (address == 0) {
                return strings;
            }
            byte[] s;
            try {
                s = task.memoryManager().copyInString(address, MAX_ARG_STRLEN);
            } catch (ErrnoException e) {
                throw e.errno() == Errno.ENAMETOOLONG ? Errno.E2BIG.exception() : e;
            }
            left -= s.length + 1 + 8;
            if (left < 0) {
                throw Errno.E2BIG.exception();
            }
            task.kernel().heap().charge(s.length + OVERHEAD);
            charged += s.length + OVERHEAD;
            strings.add(s);
        }
    }

    @Override
    public void close() {
        task.kernel().heap().uncharge(charged);
        charged = 0;
    }
}
