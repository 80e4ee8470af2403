package dev.stockade.sentry.server.runtime;

import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;

/** Makes sandboxes. Thread-safe. */
public interface SandboxRuntime {
    /** One line for people, e.g. {@code "kvm (software)"}. */
    String describe();

    /** Whether processes may have a terminal. */
    boolean supportsTerminals();

    /**
     * Makes a sandbox ready to start its main process; blocks while the gofer is attached.
     *
     * @param spec validated, with the node's defaults filled in
     */
    SandboxInstance create(SandboxKey key, SandboxSpec spec, SandboxListener listener) throws RuntimeRefusal;
}
