package dev.stockade.sentry.kvm;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * FPU states in XSAVE's standard format (Intel SDM vol. 1, 13.4): the initial one, and making a guest's harmless.
 * Immutable.
 */
final class FpuState {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final int FCW = 0;
    private static final int MXCSR = 24;
    private static final int MXCSR_MASK = 28;
    private static final int SOFTWARE_RESERVED = 416;
    private static final int XSTATE_BV = 512;
    private static final int XCOMP_BV = 520;
    private static final int AVX = 576;
    private static final int DEFAULT_MXCSR_MASK = 0xffbf;

    private final int length;
    private final long xcr0;
    private final int mxcsrMask;

    /** @param fresh the state of a new vCPU, which tells the processor's MXCSR mask; empty if not known yet */
    FpuState(int length, long xcr0, byte[] fresh) {
        this.length = length;
        this.xcr0 = xcr0;
        int mask = fresh.length == 0 ? 0 : (int) INT.get(fresh, MXCSR_MASK);
        this.mxcsrMask = mask == 0 ? DEFAULT_MXCSR_MASK : mask;
    }

    /** What FNINIT and a cleared SSE and AVX state leave, as Linux gives a new program. */
    byte[] initial() {
        byte[] state = new byte[length];
        SHORT.set(state, FCW, (short) 0x37f);
        INT.set(state, MXCSR, 0x1f80);
        LONG.set(state, XSTATE_BV, 3L);
        return state;
    }

    /** A copy that the processor accepts. Shorter input counts as zeros: its components are in their initial state. */
    byte[] sanitise(byte[] hostile) {
        byte[] state = Arrays.copyOf(hostile, length);
        INT.set(state, MXCSR, (int) INT.get(state, MXCSR) & mxcsrMask);
        INT.set(state, MXCSR_MASK, mxcsrMask);
        Arrays.fill(state, SOFTWARE_RESERVED, XSTATE_BV, (byte) 0);
        LONG.set(state, XSTATE_BV, (long) LONG.get(state, XSTATE_BV) & xcr0);
        Arrays.fill(state, XCOMP_BV, AVX, (byte) 0);
        return state;
    }
}
