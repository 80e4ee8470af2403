package dev.stockade.sentry.server.runtime;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.SandboxStatistics;
import java.util.concurrent.CompletableFuture;

/** A sandbox's kernel. Thread-safe. */
public interface SandboxInstance extends AutoCloseable {
    /** Starts the main process, once. Blocks until its program is loaded or refused. */
    GuestProcess startMain(CommandSpec command) throws LaunchRefusal;

    /** Starts a further process beside the main one. */
    GuestProcess exec(CommandSpec command) throws LaunchRefusal;

    /** SIGKILL to every task. Returns at once. */
    void kill();

    /** Completed when a bug of the kernel or platform ended the sandbox: with the report. Else never. */
    CompletableFuture<String> panic();

    SandboxStatistics statistics();

    /** Kills what is left and frees threads, vCPUs, memory, files and the gofer session; returns when all is freed. */
    @Override
    void close();
}
