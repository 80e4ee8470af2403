package dev.stockade.cli.fleet;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Ends a process with all that it started: SIGTERM first, SIGKILL after the grace period. */
final class ProcessEnd {
    private static final long POLL_MS = 20;
    private static final Duration KILL_DEADLINE = Duration.ofSeconds(10);

    private ProcessEnd() {}

    /** How it ended, in words. */
    static String end(ProcessIdentity process, Duration grace) throws InterruptedException {
        Optional<ProcessHandle> handle = ProcessHandle.of(process.pid());
        if (handle.isEmpty() || !process.isAlive()) {
            return "had ended";
        }
        List<ProcessIdentity> descendants = new ArrayList<>();
        handle.get()
                .descendants()
                .forEach(child -> ProcessIdentity.of(child.pid()).ifPresent(descendants::add));
        handle.get().destroy();
        String how = "ended";
        if (!await(process, grace)) {
            handle.get().destroyForcibly();
            how = "was killed (it did not end within " + grace.toSeconds() + " s)";
            await(process, KILL_DEADLINE);
        }
        for (ProcessIdentity descendant : descendants) {
            if (descendant.isAlive()) {
                ProcessHandle.of(descendant.pid()).ifPresent(ProcessHandle::destroyForcibly);
                await(descendant, KILL_DEADLINE);
            }
        }
        return how;
    }

    private static boolean await(ProcessIdentity process, Duration time) throws InterruptedException {
        long deadline = System.nanoTime() + time.toNanos();
        while (process.isAlive()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            TimeUnit.MILLISECONDS.sleep(POLL_MS);
        }
        return true;
    }
}
