package dev.stockade.sentry.kernel;

import dev.stockade.sentry.platform.Registers;

/** The six arguments of a system call. Reused by its task: valid until the handler returns. Hostile values. */
public final class SyscallArgs {
    private final long[] values = new long[6];

    /** Argument {@code index} (0-5) as the register holds it: a pointer, a size, an offset. */
    public long longAt(int index) {
        return values[index];
    }

    /** Argument {@code index} as a C int (or unsigned int): the upper half is ignored, as in Linux. */
    public int intAt(int index) {
        return (int) values[index];
    }

    /** Takes the arguments from the registers that a SYSCALL instruction uses. */
    public void load(Registers r) {
        values[0] = r.rdi;
        values[1] = r.rsi;
        values[2] = r.rdx;
        values[3] = r.r10;
        values[4] = r.r8;
        values[5] = r.r9;
    }
}
