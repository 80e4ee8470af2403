package dev.stockade.sentry.boot;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A process that was started from outside the sandbox, with the host's ends of its standard streams. Thread-safe. */
public interface GuestProcess {
    /** As the sandbox sees it. */
    int pid();

    /** kill(2) from outside; for a terminal's process its foreground group. False if it is gone or there is no such signal. */
    boolean signal(int signal);

    /** Changes the terminal's size; nothing without a terminal. */
    void resize(int rows, int columns);

    /** Completed when the process is gone; if it was PID 1, when all processes are. */
    CompletableFuture<ProcessExit> exit();

    /** Null where standard input is /dev/null. */
    @Nullable
    InputPipe stdin();

    OutputPipe stdout();

    /** Null on a terminal, which has one output. */
    @Nullable
    OutputPipe stderr();
}
