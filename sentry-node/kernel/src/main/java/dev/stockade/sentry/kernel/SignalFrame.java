package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.platform.Registers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The signal frame of x86-64 (struct rt_sigframe, arch/x86/kernel/signal_64.c): what a handler finds on its stack and
 * rt_sigreturn(2) goes back with.
 *
 * <pre>
 *   0 pretcode: where the handler returns to
 *   8 ucontext: flags, link, stack_t (16), sigcontext (40), sigmask (296)
 * 312 siginfo
 * 440 end; the FPU state lies above, 64-aligned
 * </pre>
 */
final class SignalFrame {
    private SignalFrame() {}

    private static final int UCONTEXT = 8;
    private static final int STACK = UCONTEXT + 16;
    private static final int SIGCONTEXT = UCONTEXT + 40;
    private static final int FPSTATE = SIGCONTEXT + 184;
    private static final int SIGMASK = UCONTEXT + 296;
    private static final int SIGINFO = 312;
    private static final int SIZE = SIGINFO + SigInfo.SIZE;

    /** UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS. */
    private static final int UC_FLAGS = 7;

    private static final int RED_ZONE = 128;
    private static final int USER_CS = 0x33;
    private static final int USER_SS = 0x2b;

    private static final int FXSAVE_SIZE = 512;

    /** Offset of struct _fpx_sw_bytes in the FXSAVE area. */
    private static final int SW_BYTES = 464;

    private static final int FP_XSTATE_MAGIC1 = 0x46505853;
    private static final int FP_XSTATE_MAGIC2 = 0x46505845;

    private static final long FLAG_TF = 0x100;
    private static final long FLAG_DF = 0x400;
    private static final long FLAG_RF = 0x10000;

    /** Flags that rt_sigreturn may set: AC OF DF TF SF ZF AF PF CF and RF (FIX_EFLAGS). */
    private static final long USER_FLAGS =
            0x40000 | 0x800 | FLAG_DF | FLAG_TF | 0x80 | 0x40 | 0x10 | 0x4 | 0x1 | FLAG_RF;

    /** Reserved bit 1 and IF. */
    private static final long FIXED_FLAGS = 0x202;

    /** Calls a handler: false if the frame can't be written. By the task thread. */
    static boolean push(Task t, SigInfo info, SignalAction action) {
        Registers r = t.registers();
        byte[] fpu = t.context.saveFpu();
        TaskSignals.AltStack stack = t.signals.altStack();
        long sp = r.rsp - RED_ZONE;
        boolean entersAltStack = false;
        boolean onAltStack = t.signals.onAltStack(r.rsp);
        if (action.has(Signal.SA_ONSTACK) && stack.enabled() && !onAltStack) {
            sp = stack.address() + stack.size();
            entersAltStack = true;
        }
        if (!action.has(Signal.SA_RESTORER)) {
            return false; // x86-64 has no other way back
        }
        long fpstate = (sp - (fpu.length + 4)) & -64L;
        long frame = ((fpstate - SIZE) & -16L) - 8;
        if ((onAltStack || entersAltStack) && !stack.contains(frame)) {
            return false; // overflows the alternate stack
        }

        ByteBuffer b = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, action.restorer());
        b.putLong(UCONTEXT, UC_FLAGS);
        b.putLong(STACK, stack.address());
        b.putInt(STACK + 8, stack.flags() | (onAltStack ? Signal.SS_ONSTACK : 0));
        b.putLong(STACK + 16, stack.size());
        writeSigcontext(b, t, r);
        b.putLong(FPSTATE, fpstate);
        long maskToRestore = t.signals.takeMaskForFrame();
        b.putLong(SIGMASK, maskToRestore);
        b.put(SIGINFO, info.toBytes());

        MemoryManager mm = t.memoryManager();
        try {
            mm.copyOut(fpstate, userFpu(fpu));
            mm.copyOut(frame, b.array());
        } catch (ErrnoException e) {
            return false;
        }

        int signal = info.signal();
        long blocked = t.signals.mask() | action.mask();
        if (!action.has(Signal.SA_NODEFER)) {
            blocked |= Signal.bit(signal);
        }
        t.signals.setMask(blocked);
        if ((stack.flags() & Signal.SS_AUTODISARM) != 0) {
            t.signals.resetAltStack();
        }
        r.rdi = signal;
        r.rsi = frame + SIGINFO;
        r.rdx = frame + UCONTEXT;
        r.rax = 0;
        r.rsp = frame;
        r.rip = action.handler();
        r.rflags &= ~(FLAG_DF | FLAG_RF | FLAG_TF);
        t.context.resetFpu();
        return true;
    }

    private static void writeSigcontext(ByteBuffer b, Task t, Registers r) {
        long[] registers = {
            r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax, r.rcx,
            r.rsp, r.rip, r.rflags
        };
        for (int i = 0; i < registers.length; i++) {
            b.putLong(SIGCONTEXT + 8 * i, registers[i]);
        }
        b.putShort(SIGCONTEXT + 144, (short) USER_CS);
        b.putShort(SIGCONTEXT + 150, (short) USER_SS);
        b.putLong(SIGCONTEXT + 152, t.signals.lastErrorCode);
        b.putLong(SIGCONTEXT + 160, t.signals.lastTrap);
        b.putLong(SIGCONTEXT + 168, t.signals.mask());
        b.putLong(SIGCONTEXT + 176, t.signals.lastFaultAddress);
    }

    /** The XSAVE area with the software bytes by which user space knows how long it is. */
    private static byte[] userFpu(byte[] xsave) {
        ByteBuffer b = ByteBuffer.allocate(xsave.length + 4).order(ByteOrder.LITTLE_ENDIAN);
        b.put(0, xsave);
        for (int i = SW_BYTES; i < FXSAVE_SIZE; i += 8) {
            b.putLong(i, 0);
        }
        b.putInt(SW_BYTES, FP_XSTATE_MAGIC1);
        b.putInt(SW_BYTES + 4, xsave.length + 4);
        b.putLong(SW_BYTES + 8, b.getLong(FXSAVE_SIZE)); // XSTATE_BV: the components that are present
        b.putInt(SW_BYTES + 16, xsave.length);
        b.putInt(xsave.length, FP_XSTATE_MAGIC2);
        return b.array();
    }

    /** rt_sigreturn(2): goes back to what {@link #push} saved, whatever the handler made of it. */
    static RunState restore(Task t) {
        Registers r = t.registers();
        MemoryManager mm = t.memoryManager();
        try {
            byte[] bytes = new byte[SIGINFO];
            mm.copyIn(r.rsp - 8, bytes);
            ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            byte[] fpu = readFpu(t, mm, b.getLong(FPSTATE));
            if (fpu == null) {
                t.context.resetFpu();
            } else {
                t.context.restoreFpu(fpu);
            }
            readSigcontext(b, r);
            t.signals.setMask(b.getLong(SIGMASK));
            restoreAltStack(t, b);
        } catch (ErrnoException e) {
            t.signals.force(SigInfo.kernel(Signal.SIGSEGV));
        }
        t.inSyscallReturn = false;
        return t.isInterrupted() ? RunInterrupt.INSTANCE : RunApp.INSTANCE;
    }

    private static byte @org.jspecify.annotations.Nullable [] readFpu(Task t, MemoryManager mm, long address)
            throws ErrnoException {
        if (address == 0) {
            return null;
        }
        int length = t.context.saveFpu().length;
        byte[] fpu = new byte[length];
        byte[] legacy = new byte[FXSAVE_SIZE];
        mm.copyIn(address, legacy);
        ByteBuffer l = ByteBuffer.wrap(legacy).order(ByteOrder.LITTLE_ENDIAN);
        boolean extended = l.getInt(SW_BYTES) == FP_XSTATE_MAGIC1
                && l.getInt(SW_BYTES + 16) == length
                && l.getInt(SW_BYTES + 4) == length + 4
                && mm.readInt(address + length) == FP_XSTATE_MAGIC2;
        if (extended) {
            mm.copyIn(address, fpu);
        } else {
            System.arraycopy(legacy, 0, fpu, 0, FXSAVE_SIZE);
            ByteBuffer.wrap(fpu).order(ByteOrder.LITTLE_ENDIAN).putLong(FXSAVE_SIZE, 3); // x87 and SSE
        }
        return fpu;
    }

    private static void readSigcontext(ByteBuffer b, Registers r) {
        int p = SIGCONTEXT;
        r.r8 = b.getLong(p);
        r.r9 = b.getLong(p + 8);
        r.r10 = b.getLong(p + 16);
        r.r11 = b.getLong(p + 24);
        r.r12 = b.getLong(p + 32);
        r.r13 = b.getLong(p + 40);
        r.r14 = b.getLong(p + 48);
        r.r15 = b.getLong(p + 56);
        r.rdi = b.getLong(p + 64);
        r.rsi = b.getLong(p + 72);
        r.rbp = b.getLong(p + 80);
        r.rbx = b.getLong(p + 88);
        r.rdx = b.getLong(p + 96);
        r.rax = b.getLong(p + 104);
        r.rcx = b.getLong(p + 112);
        r.rsp = b.getLong(p + 120);
        r.rip = b.getLong(p + 128);
        r.rflags = (b.getLong(p + 136) & USER_FLAGS) | FIXED_FLAGS;
    }

    private static void restoreAltStack(Task t, ByteBuffer b) {
        long address = b.getLong(STACK);
        int flags = b.getInt(STACK + 8);
        long size = b.getLong(STACK + 16);
        try {
            t.signals.setAltStack(address, flags, size);
        } catch (ErrnoException e) {
            // As Linux's restore_altstack: a stack that can't be set stays as it is.
        }
    }
}
