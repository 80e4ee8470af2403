package dev.stockade.sentry.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * membarrier(2): every task that runs guest code now passes a full barrier before the call returns, because it leaves
 * guest code once. Tasks in the kernel pass one when they enter guest code.
 */
public final class MemoryBarrier {
    private MemoryBarrier() {}

    /** @param group only tasks of the caller's address space, as far as they are in its group */
    public static void run(Task caller, boolean group) {
        List<Task> targets = group ? caller.tg.tasks() : caller.kernel.tasks().tasks();
        List<Task> running = new ArrayList<>();
        List<Long> exits = new ArrayList<>();
        for (Task t : targets) {
            if (t != caller) {
                long seen = t.guestExits();
                if (t.isInGuest()) {
                    running.add(t);
                    exits.add(seen);
                    t.kick();
                }
            }
        }
        for (int i = 0; i < running.size(); i++) {
            Task t = running.get(i);
            while (t.isInGuest() && t.guestExits() == exits.get(i) && !caller.signals.isKilled()) {
                Thread.yield();
            }
        }
    }
}
