package dev.stockade.sentry.kernel;

import dev.stockade.sentry.mm.FaultResult;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;

/** Guest code runs. */
final class RunApp implements RunState {
    static final RunApp INSTANCE = new RunApp();

    private RunApp() {}

    private static final int PAGE_FAULT = 14;

    @Override
    public RunState execute(Task t) {
        if (t.signals.haveSavedMask()) {
            t.signals.restoreMask();
        }
        t.inSyscallReturn = false;
        t.setInGuest(true);
        if (t.isInterrupted() || t.stopCount.get() != 0) {
            t.setInGuest(false);
            return RunInterrupt.INSTANCE;
        }
        Context context = t.context;
        t.accounting.enterGuest();
        ExitReason reason = context.run(t.memoryManager().rootFrame());
        t.setInGuest(false);
        t.accounting.leaveGuest();
        t.kernel.statistics().countExit(reason);
        return switch (reason) {
            case SYSCALL -> RunSyscall.INSTANCE;
            case INTERRUPTED -> RunInterrupt.INSTANCE;
            case EXCEPTION -> exception(t, context);
            case FAILED -> throw new KernelPanicException("the platform failed: " + context.failure());
        };
    }

    private RunState exception(Task t, Context context) {
        int vector = context.exceptionVector();
        if (vector == PAGE_FAULT) {
            t.accounting.countFault();
            t.kernel.statistics().countPageFault();
            long address = context.faultAddress();
            FaultResult result = t.memoryManager().handleFault(address, context.exceptionErrorCode());
            switch (result) {
                case HANDLED -> {
                    return this;
                }
                case OUT_OF_MEMORY -> t.kernel.outOfMemory();
                case SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR -> Faults.raisePageFault(t, result, address);
            }
        } else {
            Faults.raise(t, vector);
        }
        return RunInterrupt.INSTANCE;
    }
}
