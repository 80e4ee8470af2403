package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.platform.Registers;
import org.jspecify.annotations.Nullable;

/** A system call is made. The one place, with {@link RunSyscallExit}, where an error becomes -errno. */
final class RunSyscall implements RunState {
    static final RunSyscall INSTANCE = new RunSyscall();

    private RunSyscall() {}

    @Override
    public RunState execute(Task t) {
        Registers r = t.registers();
        t.syscallNumber = r.rax;
        t.restartCode = 0;
        t.args().load(r);
        t.accounting.countSyscall();
        try {
            @Nullable RunState next = t.kernel.config().syscalls().dispatch(t, t.syscallNumber, t.args());
            if (next != null) {
                return next;
            }
        } catch (ErrnoException e) {
            Errno errno = e.errno();
            r.rax = -errno.number();
            if (errno.number() >= Errno.ERESTARTSYS.number()) {
                t.restartCode = errno.number();
            } else {
                t.kernel.statistics().countFailure((int) t.syscallNumber);
            }
        }
        return RunSyscallExit.INSTANCE;
    }
}
