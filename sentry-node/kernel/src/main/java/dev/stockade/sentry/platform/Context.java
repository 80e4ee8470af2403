package dev.stockade.sentry.platform;

/**
 * The processor state of one task. Everything but {@link #interrupt()} is exclusive to the task thread.
 */
public interface Context extends AutoCloseable {
    /** The registers that the next {@link #run} starts from and that the last one ended with. */
    Registers registers();

    /**
     * Runs guest code at ring 3 on the address space whose PML4 is {@code rootFrame} until something happens.
     * For {@link ExitReason#SYSCALL} the registers are as the SYSCALL instruction left them (number in RAX, RIP after
     * the instruction, RCX and R11 as the instruction sets them). Registers that no ring-3 program may have
     * (non-canonical or high-half RIP, privileged flags, non-canonical FS or GS base) are made harmless or reported as
     * {@link ExitReason#EXCEPTION} with vector 13; they never harm the host.
     */
    ExitReason run(long rootFrame);

    /** After {@link ExitReason#EXCEPTION}: the vector (0-31). */
    int exceptionVector();

    /** After {@link ExitReason#EXCEPTION}: the error code that the processor pushed, 0 if none. */
    long exceptionErrorCode();

    /** After a page fault: the address (CR2). */
    long faultAddress();

    /** After {@link ExitReason#FAILED}: what happened, for the sandbox's report. */
    String failure();

    /**
     * Makes the current or the next {@link #run} return {@link ExitReason#INTERRUPTED} soon. Sticky until it did;
     * may be called by any thread.
     */
    void interrupt();

    /**
     * The FPU state in XSAVE's standard format (the layout of a signal frame's fpstate, Intel SDM vol. 1 ch. 13).
     * Its length is the same for all contexts of a platform: at least 832 bytes (x87, SSE, AVX).
     */
    byte[] saveFpu();

    /**
     * Sets the FPU state. Bits that the processor would refuse (reserved MXCSR bits, components not enabled, a bad
     * header) are cleared, never an error.
     */
    void restoreFpu(byte[] xsave);

    /** Resets the FPU state to that of a new program (execve). */
    void resetFpu();

    @Override
    void close();
}
