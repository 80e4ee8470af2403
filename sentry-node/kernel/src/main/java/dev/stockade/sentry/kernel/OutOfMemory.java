package dev.stockade.sentry.kernel;

import dev.stockade.sentry.mm.MemoryManager;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The OOM killer of a sandbox (mm/oom_kill.c): it chooses by resident memory and oom_score_adj. */
final class OutOfMemory {
    private OutOfMemory() {}

    /** Someone could not get a page. If the chosen process is already dying, nothing more is killed. */
    static void kill(Kernel kernel) {
        ThreadGroup victim = null;
        long worst = Long.MIN_VALUE;
        for (ThreadGroup tg : kernel.rootPidNamespace().threadGroups()) {
            if (tg.exiting && !tg.exit.isDone() && holdsMemory(tg)) {
                // Memory is about to be freed: the faulting task tries again after it has let others run.
                Thread.yield();
                return;
            }
            long score = score(kernel, tg);
            if (victim == null || score > worst) {
                worst = score;
                victim = tg;
            }
        }
        if (victim == null) {
            return;
        }
        kernel.config()
                .events()
                .event(
                        EventSink.OOM_KILL,
                        Map.of(
                                "pid", Integer.toString(victim.pid()),
                                "comm", new String(victim.leader.comm(), StandardCharsets.ISO_8859_1),
                                "memory-bytes", Long.toString(kernel.frames().usedBytes())));
        kernel.tasks().mu.lock();
        try {
            kernel.tasks().killLocked(victim);
        } finally {
            kernel.tasks().mu.unlock();
        }
    }

    private static boolean holdsMemory(ThreadGroup tg) {
        return resident(tg) > 0;
    }

    private static long score(Kernel kernel, ThreadGroup tg) {
        if (tg.oomScoreAdj == -1000) {
            return Long.MIN_VALUE;
        }
        return resident(tg) + kernel.frames().limitBytes() / 1000 * tg.oomScoreAdj;
    }

    private static long resident(ThreadGroup tg) {
        @Nullable Task leader = tg.leader;
        for (Task t : tg.tasks()) {
            if (t.exitState == TaskExitState.ALIVE) {
                leader = t;
            }
        }
        MemoryManager mm = leader.memoryManager();
        if (!mm.tryIncUsers()) {
            return 0;
        }
        try {
            return mm.usage().resident() + mm.usage().pageTables();
        } finally {
            mm.decUsers();
        }
    }
}
