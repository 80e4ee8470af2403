package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.loader.LoadedProgram;
import dev.stockade.sentry.platform.Registers;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VirtualDentry;
import org.jspecify.annotations.Nullable;

/** Starts a process from outside the sandbox. */
final class ProcessStart {
    private ProcessStart() {}

    static ThreadGroup start(Kernel kernel, ProcessSpec spec, @Nullable Task parent) throws ErrnoException {
        ResourceLimits limits = ResourceLimits.defaults(
                kernel.config().maxTasks(), kernel.config().maxFds());
        FdTable fds = new FdTable(kernel.heap());
        LoadedProgram program = null;
        boolean done = false;
        try {
            for (FileDescription f : spec.stdio()) {
                fds.install(f, 0, false, 3);
            }
            FsContext fs = new FsContext(kernel.root(), kernel.root(), 022);
            VirtualDentry cwd =
                    Executables.directory(kernel, fs.vfsContext(spec.credentials(), null), spec.workingDirectory());
            fs.setCwd(cwd);
            Executables.Prepared p = Executables.load(
                    kernel,
                    fs.vfsContext(spec.credentials(), null),
                    limits,
                    spec.program(),
                    spec.arguments(),
                    spec.environment(),
                    0);
            program = p.program();
            TaskParts parts = new TaskParts(
                    program.memory(),
                    fds,
                    fs,
                    kernel.utsNamespace(),
                    p.credentials(),
                    p.comm(),
                    program.executable(),
                    0,
                    RunApp.INSTANCE);
            ThreadGroup tg = new ThreadGroup(
                    kernel, kernel.rootPidNamespace(), new SignalHandlers(), limits, parent == null ? 0 : 17);
            Task t = kernel.tasks().add(tg, parts, parent == null ? null : parent.tg, parent, true);
            done = true;
            Registers r = t.context.registers();
            r.set(new Registers());
            r.rip = program.entry();
            r.rsp = program.stackPointer();
            t.context.resetFpu();
            if (parent != null) {
                newSession(kernel, tg);
            }
            t.start();
            return tg;
        } finally {
            if (!done) {
                fds.decUsers();
                if (program != null) {
                    TaskExec.release(program);
                }
            }
        }
    }

    private static void newSession(Kernel kernel, ThreadGroup tg) {
        TaskSet set = kernel.tasks();
        set.mu.lock();
        try {
            set.joinNewSessionLocked(tg);
        } finally {
            set.mu.unlock();
        }
    }
}
