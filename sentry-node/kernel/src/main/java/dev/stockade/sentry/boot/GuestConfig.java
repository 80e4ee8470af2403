package dev.stockade.sentry.boot;

import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.platform.Platform;

/**
 * What a sandbox is made of.
 *
 * @param name for thread names and reports
 * @param platform runs it; shared with others
 * @param image its read-only files; the sandbox owns the client from now on and closes it
 * @param memoryBytes what it may hold, a multiple of 4096
 * @param maxTasks threads of its programs, zombies included
 * @param cpus processors that its programs see
 * @param containerFiles write /etc/hostname, /etc/hosts and /etc/resolv.conf as container engines do
 * @param budget bound on tasks that it shares with others
 * @param events told of what the operator should know; must not block
 */
public record GuestConfig(
        String name,
        Platform platform,
        GoferClient image,
        String hostname,
        long memoryBytes,
        int maxTasks,
        int cpus,
        boolean containerFiles,
        TaskBudget budget,
        EventSink events) {}
