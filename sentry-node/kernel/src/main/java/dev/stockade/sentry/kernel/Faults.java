package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;
import dev.stockade.sentry.mm.FaultResult;
import dev.stockade.sentry.platform.Context;

/** Which signal an exception becomes (arch/x86/kernel/traps.c, arch/x86/mm/fault.c). */
final class Faults {
    private Faults() {}

    static void raisePageFault(Task t, FaultResult result, long address) {
        SigInfo info = switch (result) {
            case SEGV_MAPERR -> SigInfo.fault(Signal.SIGSEGV, Signal.SEGV_MAPERR, address);
            case SEGV_ACCERR -> SigInfo.fault(Signal.SIGSEGV, Signal.SEGV_ACCERR, address);
            case BUS_ADRERR -> SigInfo.fault(Signal.SIGBUS, Signal.BUS_ADRERR, address);
            case HANDLED, OUT_OF_MEMORY -> throw new IllegalArgumentException(result.name());
        };
        note(t, address);
        t.signals.force(info);
    }

    static void raise(Task t, int vector) {
        long rip = t.registers().rip;
        SigInfo info = switch (vector) {
            case 0 -> SigInfo.fault(Signal.SIGFPE, Signal.FPE_INTDIV, rip);
            case 1 -> SigInfo.fault(Signal.SIGTRAP, Signal.TRAP_TRACE, rip);
            case 3 -> SigInfo.kernel(Signal.SIGTRAP);
            case 6 -> SigInfo.fault(Signal.SIGILL, Signal.ILL_ILLOPN, rip);
            case 10, 11, 12 -> SigInfo.kernel(Signal.SIGBUS);
            case 16, 19 -> SigInfo.fault(Signal.SIGFPE, floatingPointCode(t, vector), rip);
            case 17 -> SigInfo.fault(Signal.SIGBUS, Signal.BUS_ADRALN, 0);
            default -> SigInfo.kernel(Signal.SIGSEGV);
        };
        note(t, t.signals.lastFaultAddress);
        t.signals.force(info);
    }

    private static void note(Task t, long address) {
        Context c = t.context;
        t.signals.lastTrap = c.exceptionVector();
        t.signals.lastErrorCode = c.exceptionErrorCode();
        t.signals.lastFaultAddress = address;
    }

    /** fpu__exception_code: the first exception that is raised and not masked. */
    private static int floatingPointCode(Task t, int vector) {
        byte[] fpu = t.context.saveFpu();
        int raised;
        if (vector == 16) {
            int control = (fpu[0] & 0xff) | (fpu[1] & 0xff) << 8;
            int status = (fpu[2] & 0xff) | (fpu[3] & 0xff) << 8;
            raised = status & ~control;
        } else {
            int mxcsr = (fpu[24] & 0xff) | (fpu[25] & 0xff) << 8;
            raised = ~(mxcsr >> 7) & mxcsr;
        }
        if ((raised & 0x001) != 0) {
            return Signal.FPE_FLTINV;
        }
        if ((raised & 0x004) != 0) {
            return 3; // FPE_FLTDIV
        }
        if ((raised & 0x008) != 0) {
            return 4; // FPE_FLTOVF
        }
        if ((raised & 0x012) != 0) {
            return 5; // FPE_FLTUND
        }
        return (raised & 0x020) != 0 ? 6 : 0; // FPE_FLTRES
    }
}
