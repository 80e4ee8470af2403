package dev.stockade.sentry.server.runtime;

import java.util.Map;

/** Told of what happens inside a sandbox. Called by task threads: must not block. */
public interface SandboxListener {
    /**
     * Something worth an event, e.g. {@code "oom-kill"} or {@code "unimplemented-syscall"}. The kernel limits how
     * often it calls this.
     */
    void event(String type, Map<String, String> attributes);
}
