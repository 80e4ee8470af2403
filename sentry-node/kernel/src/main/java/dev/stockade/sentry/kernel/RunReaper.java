package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel's own init does (the {@code --init} option): it has no guest code, waits for every orphan, passes
 * signals on to the main process and ends with that one's status.
 */
final class RunReaper implements RunState {
    private @Nullable ThreadGroup main;
    private @Nullable CompletableFuture<WaitStatus> mainExit;

    /** From now on {@code reaper} lives as long as {@code main}. */
    void watch(Task reaper, ThreadGroup main) {
        synchronized (this) {
            this.main = main;
            this.mainExit = main.exit;
        }
        // Its thread ends a moment after its parent was told.
        CompletableFuture<Void> unused = main.exit.thenRun(reaper.blocking::wake);
        reaper.blocking.wake();
    }

    @Override
    public RunState execute(Task t) {
        t.clearInterrupted();
        ThreadGroup child;
        CompletableFuture<WaitStatus> over;
        synchronized (this) {
            child = main;
            over = mainExit;
        }
        SigInfo info;
        while ((info = t.signals.dequeue(~0L)) != null) {
            int signal = info.signal();
            if (child != null && signal != Signal.SIGCHLD) {
                try {
                    SignalSender.sendToGroup(child, info);
                } catch (dev.stockade.sentry.abi.ErrnoException e) {
                    // The main process is gone; its status is taken below.
                }
            }
        }
        if (t.signals.isKilled()) {
            TaskExit.prepareGroupExit(t, WaitStatus.killed(Signal.SIGKILL));
            return RunExit.INSTANCE;
        }
        t.blocking.prepare();
        ChildWait.reapAll(t.tg);
        if (over != null && over.isDone()) {
            TaskExit.prepareGroupExit(t, over.join());
            return RunExit.INSTANCE;
        }
        var entry = t.blocking.newEntry();
        t.tg.childEvents.register(entry, 1);
        try {
            ChildWait.reapAll(t.tg);
            if (over == null || !over.isDone()) {
                t.blocking.sleep();
            }
        } finally {
            t.tg.childEvents.unregister(entry);
        }
        return this;
    }
}
