package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What a signal carries: siginfo_t of x86-64, 128 bytes (sigaction(2)). Immutable. */
public final class SigInfo {
    public static final int SIZE = 128;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;

    private SigInfo(byte[] bytes) {
        this.bytes = bytes;
    }

    private static SigInfo of(int signal, int code) {
        byte[] b = new byte[SIZE];
        INT.set(b, 0, signal);
        INT.set(b, 8, code);
        return new SigInfo(b);
    }

    private SigInfo with(int offset, int value) {
        INT.set(bytes, offset, value);
        return this;
    }

    private SigInfo with(int offset, long value) {
        LONG.set(bytes, offset, value);
        return this;
    }

    /** Sent by a task with kill(2) (SI_USER) or tgkill(2) (SI_TKILL). */
    public static SigInfo user(int signal, int code, int pid, int uid) {
        return of(signal, code).with(16, pid).with(20, uid);
    }

    /** Sent by the kernel itself (SEND_SIG_PRIV). */
    public static SigInfo kernel(int signal) {
        return of(signal, Signal.SI_KERNEL);
    }

    /** Raised by an instruction. */
    public static SigInfo fault(int signal, int code, long address) {
        return of(signal, code).with(16, address);
    }

    /** SIGCHLD (or another termination signal) about a child. */
    public static SigInfo child(int signal, int code, int pid, int uid, int status, long utimeTicks, long stimeTicks) {
        return of(signal, code)
                .with(16, pid)
                .with(20, uid)
                .with(24, status)
                .with(32, utimeTicks)
                .with(40, stimeTicks);
    }

    /** From rt_sigqueueinfo(2): as the caller made it but for the number. */
    public static SigInfo queued(int signal, byte[] raw) {
        byte[] b = raw.clone();
        INT.set(b, 0, signal);
        return new SigInfo(b);
    }

    public int signal() {
        return (int) INT.get(bytes, 0);
    }

    public int code() {
        return (int) INT.get(bytes, 8);
    }

    /** si_pid of signals that have one. */
    public int pid() {
        return (int) INT.get(bytes, 16);
    }

    /** si_uid of signals that have one. */
    public int uid() {
        return (int) INT.get(bytes, 20);
    }

    /** si_status of SIGCHLD. */
    public int status() {
        return (int) INT.get(bytes, 24);
    }

    /** si_addr of faults. */
    public long address() {
        return (long) LONG.get(bytes, 16);
    }

    /** The 128 bytes as user space sees them. */
    public byte[] toBytes() {
        return bytes.clone();
    }
}
