package dev.stockade.sentry.kernel;

import java.util.Map;

/** Where a kernel tells what its operator should know. Called by any thread, with locks held: must not block. */
@FunctionalInterface
public interface EventSink {
    /** A killed process group or task for want of memory: attributes pid, comm, memory-bytes. */
    String OOM_KILL = "oom-kill";

    /** A system call that is not implemented was made: attributes number, name, errno, pid, comm. */
    String UNIMPLEMENTED_SYSCALL = "unimplemented-syscall";

    /** The sandbox's kernel failed and ended: attribute report. */
    String KERNEL_PANIC = "kernel-panic";

    /** @param type one of the constants here */
    void event(String type, Map<String, String> attributes);
}
