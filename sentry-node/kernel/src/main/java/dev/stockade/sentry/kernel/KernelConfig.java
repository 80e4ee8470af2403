package dev.stockade.sentry.kernel;

import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.time.Clock;

/**
 * What a kernel is made of and bounded by.
 *
 * @param name for thread names and reports: the sandbox's id
 * @param machine the virtual machine; the kernel owns it from now on and closes it
 * @param syscalls the system call table
 * @param clock where time comes from
 * @param events told of what the operator should know
 * @param rootSetup mounts the root file system
 * @param hostname of the first UTS namespace
 * @param memoryLimitBytes what the sandbox may hold; passing it kills inside it
 * @param kernelHeapBytes what its guests may make the kernel keep on the JVM's heap
 * @param maxTasks bound on tasks (threads and zombies)
 * @param maxFds bound on descriptors per process (hard RLIMIT_NOFILE)
 * @param cpus what programs see as the number of processors, 1-64
 * @param budget the node's bound on tasks
 */
public record KernelConfig(
        String name,
        Machine machine,
        SyscallDispatcher syscalls,
        Clock clock,
        EventSink events,
        RootSetup rootSetup,
        String hostname,
        long memoryLimitBytes,
        long kernelHeapBytes,
        int maxTasks,
        int maxFds,
        int cpus,
        TaskBudget budget) {}
