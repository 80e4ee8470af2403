package dev.stockade.sentry.kvm;

import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Registers;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A task's processor state. It keeps the vCPU that it ran on last until another context takes that vCPU; then its FPU
 * state moves into {@link #fpu}. Its general registers are always in {@link #registers} between runs.
 */
final class KvmContext implements Context {
    private static final long USER_LIMIT = 0x0000_7fff_ffff_ffffL;

    private final KvmMachine machine;
    private final Registers registers = new Registers();

    /** The FPU state while no vCPU holds it. Guarded by the ownership of the vCPU, then by the pool's lock. */
    final byte[] fpu;

    /** The vCPU that holds this context's FPU state; written under the pool's lock. */
    volatile @Nullable Vcpu vcpu;

    /** The vCPU that this context is inside {@link #run} on, for {@link #interrupt}. */
    private volatile @Nullable Vcpu running;

    /** The thread that waits for a vCPU, for {@link #interrupt}. */
    volatile @Nullable Thread waiting;

    private volatile boolean interrupted;
    private boolean closed;

    private int exceptionVector;
    private long exceptionErrorCode;
    private long faultAddress;
    private String failure = "";

    KvmContext(KvmMachine machine) {
        this.machine = machine;
        this.fpu = machine.fpuState().initial();
    }

    @Override
    public Registers registers() {
        return registers;
    }

    @Override
    public ExitReason run(long rootFrame) {
        if (takeInterrupt()) {
            return ExitReason.INTERRUPTED;
        }
        if (closed || machine.isClosed()) {
            return failed("the machine is closed");
        }
        Registers r = registers;
        if (notUser(r.rip) || notUser(r.fsBase) || notUser(r.gsBase)) {
            return exception(KernelImage.GENERAL_PROTECTION, 0, 0);
        }
        long root = machine.rootAddress(rootFrame);
        VcpuPool pool = machine.pool();
        while (true) {
            Vcpu v;
            try {
                v = pool.acquire(this);
            } catch (HostException e) {
                return failed("the host refused a vCPU: " + e.getMessage());
            }
            if (v == null) {
                if (takeInterrupt()) {
                    return ExitReason.INTERRUPTED;
                }
                return failed("the machine is closed");
            }
            ExitReason reason;
            try {
                running = v;
                reason = v.run(this, root);
            } catch (HostException e) {
                reason = failed(String.valueOf(e.getMessage()));
            } finally {
                running = null;
                pool.release(v);
            }
            if (reason != null) {
                return reason;
            }
        }
    }

    private static boolean notUser(long address) {
        return (address & ~USER_LIMIT) != 0;
    }

    boolean isInterrupted() {
        return interrupted;
    }

    /** Consumes the interrupt. Exclusive to the task thread. */
    boolean takeInterrupt() {
        if (interrupted) {
            interrupted = false;
            return true;
        }
        return false;
    }

    ExitReason exception(int vector, long errorCode, long address) {
        exceptionVector = vector;
        exceptionErrorCode = errorCode;
        faultAddress = address;
        return ExitReason.EXCEPTION;
    }

    ExitReason failed(String what) {
        failure = what;
        return ExitReason.FAILED;
    }

    @Override
    public int exceptionVector() {
        return exceptionVector;
    }

    @Override
    public long exceptionErrorCode() {
        return exceptionErrorCode;
    }

    @Override
    public long faultAddress() {
        return faultAddress;
    }

    @Override
    public String failure() {
        return failure;
    }

    @Override
    public void interrupt() {
        interrupted = true;
        Vcpu v = running;
        if (v != null) {
            v.kick();
        }
        Thread t = waiting;
        if (t != null) {
            LockSupport.unpark(t);
        }
    }

    @Override
    public byte[] saveFpu() {
        byte[] copy = new byte[fpu.length];
        Vcpu v = machine.pool().acquireOwned(this);
        if (v == null) {
            System.arraycopy(fpu, 0, copy, 0, fpu.length);
            return copy;
        }
        try {
            v.saveFpu(copy);
        } finally {
            machine.pool().release(v);
        }
        return copy;
    }

    @Override
    public void restoreFpu(byte[] xsave) {
        load(machine.fpuState().sanitise(xsave));
    }

    @Override
    public void resetFpu() {
        load(machine.fpuState().initial());
    }

    private void load(byte[] state) {
        Vcpu v = machine.pool().acquireOwned(this);
        if (v == null) {
            System.arraycopy(state, 0, fpu, 0, fpu.length);
            return;
        }
        try {
            v.loadFpu(state);
        } finally {
            machine.pool().release(v);
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            machine.closeContext(this);
        }
    }
}
