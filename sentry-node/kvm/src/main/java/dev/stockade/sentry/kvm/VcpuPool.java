package dev.stockade.sentry.kvm;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The vCPUs of a machine, at most {@code limit}, made as they are needed. A context keeps its vCPU between runs; when
 * all are taken, a context without one steals the one that has been idle longest, and when none is idle it waits in
 * line and makes the longest-running one yield now and then. Thread-safe.
 */
final class VcpuPool implements AutoCloseable {
    private static final long TIME_SLICE_NS = 10_000_000;

    private static final class Waiter {
        final KvmContext context;
        final Thread thread = Thread.currentThread();
        volatile @Nullable Vcpu granted;
        volatile @Nullable HostException refused;

        Waiter(KvmContext context) {
            this.context = context;
        }
    }

    private final KvmMachine machine;
    private final int limit;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final List<Vcpu> vcpus = new ArrayList<>();

    @GuardedBy("lock")
    private final Deque<Waiter> queue = new ArrayDeque<>();

    /** The queue's length, for {@link #release} without the lock. */
    private volatile int waiting;

    private volatile boolean closed;

    /** Counts uses; lost updates do not matter. */
    private long clock;

    VcpuPool(KvmMachine machine, int limit) {
        this.machine = machine;
        this.limit = limit;
    }

    /** A vCPU with the context's state in it; null if the context was interrupted or the machine closed meanwhile. */
    @Nullable
    Vcpu acquire(KvmContext context) {
        Vcpu v = acquireOwned(context);
        if (v == null) {
            v = acquireAny(context);
        }
        if (v != null) {
            if (closed) {
                release(v);
                return null;
            }
            v.lastUse = ++clock;
            v.bindThread();
        }
        return v;
    }

    /** The vCPU that holds the context's FPU state, if any does. */
    @Nullable
    Vcpu acquireOwned(KvmContext context) {
        Vcpu v = context.vcpu;
        if (v == null) {
            return null;
        }
        if (v.tryAcquire()) {
            if (v.owner == context) {
                return v;
            }
            release(v);
        }
        // Somebody steals it just now, or did; its lock says which.
        lock.lock();
        try {
            Vcpu own = context.vcpu;
            return own != null && own.tryAcquire() ? own : null;
        } finally {
            lock.unlock();
        }
    }

    private @Nullable Vcpu acquireAny(KvmContext context) {
        Waiter w;
        lock.lock();
        try {
            if (closed) {
                return null;
            }
            Vcpu v = queue.isEmpty() ? takeIdle() : null;
            if (v != null) {
                assign(v, context);
                return v;
            }
            w = new Waiter(context);
            queue.add(w);
            waiting = queue.size();
            dispatch();
        } finally {
            lock.unlock();
        }
        return await(w);
    }

    private @Nullable Vcpu await(Waiter w) {
        KvmContext context = w.context;
        context.waiting = w.thread;
        try {
            while (true) {
                if (w.granted != null) {
                    return w.granted;
                }
                HostException refused = w.refused;
                if (refused != null) {
                    throw new HostException(refused);
                }
                if (context.isInterrupted() || closed) {
                    return leave(w);
                }
                long before = System.nanoTime();
                LockSupport.parkNanos(this, TIME_SLICE_NS);
                if (w.granted == null && System.nanoTime() - before >= TIME_SLICE_NS) {
                    preempt();
                }
            }
        } finally {
            context.waiting = null;
        }
    }

    private @Nullable Vcpu leave(Waiter w) {
        lock.lock();
        try {
            queue.remove(w);
            waiting = queue.size();
            return w.granted;
        } finally {
            lock.unlock();
        }
    }

    private void preempt() {
        lock.lock();
        try {
            Vcpu oldest = null;
            for (Vcpu v : vcpus) {
                if (v.isBusy() && (oldest == null || v.lastUse < oldest.lastUse)) {
                    oldest = v;
                }
            }
            if (oldest != null) {
                oldest.requestYield();
            }
            dispatch();
        } finally {
            lock.unlock();
        }
    }

    void release(Vcpu v) {
        v.lastUse = ++clock;
        v.free();
        if (waiting > 0) {
            lock.lock();
            try {
                dispatch();
            } finally {
                lock.unlock();
            }
        }
    }

    /** Gives idle vCPUs to those who wait, in their order. */
    @GuardedBy("lock")
    private void dispatch() {
        while (!queue.isEmpty() && !closed) {
            Vcpu v = takeIdle();
            if (v == null) {
                return;
            }
            Waiter w = queue.remove();
            waiting = queue.size();
            try {
                assign(v, w.context);
                w.granted = v;
            } catch (HostException e) {
                w.refused = e;
            }
            LockSupport.unpark(w.thread);
        }
    }

    /** One that nobody owns, or a new one, or the one that has been idle longest; null if all run. */
    @GuardedBy("lock")
    private @Nullable Vcpu takeIdle() {
        Vcpu oldest = null;
        for (Vcpu v : vcpus) {
            if (v.owner == null && v.tryAcquire()) {
                return v;
            }
            if (!v.isBusy() && (oldest == null || v.lastUse < oldest.lastUse)) {
                oldest = v;
            }
        }
        if (vcpus.size() < limit) {
            try {
                Vcpu v = new Vcpu(machine, vcpus.size());
                vcpus.add(v);
                return v;
            } catch (HostException e) {
                if (vcpus.isEmpty()) {
                    throw e;
                }
                // The host gives no more: go on with those that there are.
            }
        }
        return oldest != null && oldest.tryAcquire() ? oldest : null;
    }

    @GuardedBy("lock")
    private void assign(Vcpu v, KvmContext context) {
        KvmContext previous = v.owner;
        if (previous == context) {
            return;
        }
        try {
            if (previous != null) {
                v.saveFpu(previous.fpu);
                previous.vcpu = null;
                v.owner = null;
            }
            v.load(context);
            v.owner = context;
            context.vcpu = v;
        } catch (HostException e) {
            v.free();
            throw e;
        }
    }

    /** The context will not run again. */
    void forget(KvmContext context) {
        lock.lock();
        try {
            Vcpu v = context.vcpu;
            if (v != null) {
                v.owner = null;
                context.vcpu = null;
                dispatch();
            }
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return vcpus.size();
        } finally {
            lock.unlock();
        }
    }

    /** Ends all waits, waits until no vCPU runs, and closes them. */
    @Override
    public void close() {
        closed = true;
        lock.lock();
        try {
            for (Waiter w : queue) {
                LockSupport.unpark(w.thread);
            }
            for (Vcpu v : vcpus) {
                while (!v.tryAcquire()) {
                    v.requestYield();
                    LockSupport.parkNanos(this, 1_000_000);
                }
                v.close();
            }
            vcpus.clear();
        } finally {
            lock.unlock();
        }
    }
}
