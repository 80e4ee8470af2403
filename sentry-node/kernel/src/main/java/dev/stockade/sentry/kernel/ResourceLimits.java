package dev.stockade.sentry.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Resource;

/** A process's resource limits (getrlimit(2)). Thread-safe; a leaf of the lock order. Values compare as unsigned. */
public final class ResourceLimits {
    /** A soft and a hard limit. */
    public record Limit(long soft, long hard) {}

    @GuardedBy("this")
    private final long[] soft = new long[Resource.RLIM_NLIMITS];

    @GuardedBy("this")
    private final long[] hard = new long[Resource.RLIM_NLIMITS];

    /** Linux's defaults for an init process, with the sandbox's bounds on tasks and descriptors. */
    public static ResourceLimits defaults(int maxTasks, int maxFds) {
        ResourceLimits l = new ResourceLimits();
        for (int i = 0; i < Resource.RLIM_NLIMITS; i++) {
            l.set(i, Resource.RLIM_INFINITY, Resource.RLIM_INFINITY);
        }
        l.set(Resource.RLIMIT_STACK, 8 << 20, Resource.RLIM_INFINITY);
        l.set(Resource.RLIMIT_CORE, 0, 0);
        l.set(Resource.RLIMIT_NPROC, maxTasks, maxTasks);
        l.set(Resource.RLIMIT_NOFILE, Math.min(1024, maxFds), maxFds);
        l.set(Resource.RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
        l.set(Resource.RLIMIT_SIGPENDING, 4096, 4096);
        l.set(Resource.RLIMIT_MSGQUEUE, 819200, 819200);
        l.set(Resource.RLIMIT_NICE, 0, 0);
        l.set(Resource.RLIMIT_RTPRIO, 0, 0);
        return l;
    }

    /** A copy for a new process. */
    public synchronized ResourceLimits fork() {
        ResourceLimits l = new ResourceLimits();
        for (int i = 0; i < Resource.RLIM_NLIMITS; i++) {
            l.set(i, soft[i], hard[i]);
        }
        return l;
    }

    /** @param resource RLIMIT_*, valid */
    public synchronized Limit get(int resource) {
        return new Limit(soft[resource], hard[resource]);
    }

    public synchronized long soft(int resource) {
        return soft[resource];
    }

    public synchronized void set(int resource, long softLimit, long hardLimit) {
        soft[resource] = softLimit;
        hard[resource] = hardLimit;
    }
}
