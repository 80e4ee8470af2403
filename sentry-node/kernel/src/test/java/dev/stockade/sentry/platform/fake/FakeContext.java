package dev.stockade.sentry.platform.fake;

import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Registers;
import java.lang.foreign.ValueLayout;

/**
 * A context whose guest code is a Java program on a thread of its own. Control passes back and forth: while the guest
 * thread has it, {@link #run} waits.
 */
final class FakeContext implements Context {
    private static final int FPU_SIZE = 832;

    /** Thrown on the guest thread when its code is gone: exec, exit, a handler that does not return. */
    static final class Gone extends Error {
        private static final long serialVersionUID = 1L;

        Gone() {
            super(null, null, false, false);
        }
    }

    final FakeProcessor machine;
    final Registers registers = new Registers();
    private byte[] fpu = new byte[FPU_SIZE];

    // ---- Guarded by this

    private Thread guestThread;
    private boolean guestTurn;
    private boolean interrupted;
    private boolean closed;
    private ExitReason reason = ExitReason.INTERRUPTED;
    private int vector;
    private long errorCode;
    private long address;

    /** The return address of a clone in progress: the parent goes on there, the child starts its program. */
    volatile long forking;

    /** The root that the present run was given. */
    volatile long rootFrame;

    FakeContext(FakeProcessor machine) {
        this.machine = machine;
    }

    @Override
    public Registers registers() {
        return registers;
    }

    @Override
    public ExitReason run(long root) {
        synchronized (this) {
            if (interrupted) {
                interrupted = false;
                return ExitReason.INTERRUPTED;
            }
            rootFrame = root;
            GuestProgram program = machine.code.programs.get(registers.rip);
            boolean starts = guestThread == null || (program != null && registers.rip != forking);
            if (starts) {
                if (program == null) {
                    vector = 13;
                    errorCode = 0;
                    return ExitReason.EXCEPTION;
                }
                abandonGuest();
                registers.rip = 0;
                Thread t = new Thread(() -> guestMain(program), "fake-guest");
                t.setDaemon(true);
                guestThread = t;
                guestTurn = true;
                t.start();
            } else {
                guestTurn = true;
                notifyAll();
            }
            while (guestTurn) {
                awaitTurn();
            }
            return reason;
        }
    }

    private void guestMain(GuestProgram program) {
        Guest g = new Guest(this);
        try {
            program.run(g);
            g.syscall(231, 0);
        } catch (Gone e) {
            // its code is not the context's any more
        } catch (Throwable e) {
            synchronized (this) {
                if (Thread.currentThread() == guestThread) {
                    failure = "guest program failed: " + e;
                    e.printStackTrace();
                    reason = ExitReason.FAILED;
                    guestTurn = false;
                    notifyAll();
                }
            }
        }
    }

    private String failure = "";

    /** By the guest thread: leaves guest mode and waits until it is entered again. */
    void leave(ExitReason why, int trap, long code, long faultAddress) {
        synchronized (this) {
            if (Thread.currentThread() != guestThread || closed) {
                throw new Gone();
            }
            reason = why;
            vector = trap;
            errorCode = code;
            address = faultAddress;
            guestTurn = false;
            notifyAll();
            while (!guestTurn || Thread.currentThread() != guestThread) {
                if (Thread.currentThread() != guestThread || closed) {
                    throw new Gone();
                }
                awaitTurn();
            }
        }
    }

    /** By the guest thread, in a loop that computes: an interrupt takes effect here. */
    void poll() {
        boolean leave;
        synchronized (this) {
            leave = interrupted;
            interrupted = false;
        }
        if (leave) {
            leave(ExitReason.INTERRUPTED, 0, 0, 0);
        } else {
            Thread.onSpinWait();
        }
    }

    private void awaitTurn() {
        boolean again = true;
        while (again) {
            try {
                wait();
                again = false;
            } catch (InterruptedException e) {
                // tests interrupt nobody
            }
        }
    }

    private void abandonGuest() {
        guestThread = null;
        notifyAll();
    }

    @Override
    public int exceptionVector() {
        return vector;
    }

    @Override
    public long exceptionErrorCode() {
        return errorCode;
    }

    @Override
    public long faultAddress() {
        return address;
    }

    @Override
    public String failure() {
        return failure;
    }

    @Override
    public synchronized void interrupt() {
        interrupted = true;
        notifyAll();
    }

    @Override
    public byte[] saveFpu() {
        return fpu.clone();
    }

    @Override
    public void restoreFpu(byte[] xsave) {
        fpu = java.util.Arrays.copyOf(xsave, FPU_SIZE);
    }

    @Override
    public void resetFpu() {
        fpu = new byte[FPU_SIZE];
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            abandonGuest();
        }
        machine.forget(this);
    }

    /** Walks the page tables as the processor does; -1 if the access faults. */
    long translate(long virtual, boolean write) {
        long table = rootFrame;
        for (int shift = 39; shift >= 12; shift -= 9) {
            long entry = machine.memory
                    .segment()
                    .get(ValueLayout.JAVA_LONG_UNALIGNED, table + ((virtual >>> shift) & 511) * 8);
            if ((entry & 1) == 0 || (entry & 4) == 0 || (write && (entry & 2) == 0)) {
                return -1;
            }
            long frame = entry & 0x000f_ffff_ffff_f000L;
            if (shift == 12 || (entry & 0x80) != 0) {
                long mask = (1L << shift) - 1;
                return (frame & ~mask) + (virtual & mask);
            }
            table = frame;
        }
        return -1;
    }

    /** Whether the page is there at all, for a fault's error code. */
    boolean present(long virtual) {
        return translate(virtual, false) >= 0;
    }
}
