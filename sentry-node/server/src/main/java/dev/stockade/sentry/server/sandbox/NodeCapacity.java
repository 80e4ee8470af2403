package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.Status;
import java.util.concurrent.locks.ReentrantLock;

/** What this node may give to sandboxes and what it has given. Thread-safe. */
public final class NodeCapacity {
    private final long memoryBytes;
    private final int sandboxes;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private long reservedBytes;

    @GuardedBy("lock")
    private int reservedSandboxes;

    public NodeCapacity(long memoryBytes, int sandboxes) {
        this.memoryBytes = memoryBytes;
        this.sandboxes = sandboxes;
    }

    /** A sandbox's share; given back once. */
    public final class Reservation implements AutoCloseable {
        private final long bytes;

        @GuardedBy("lock")
        private boolean closed;

        private Reservation(long bytes) {
            this.bytes = bytes;
        }

        @Override
        public void close() {
            lock.lock();
            try {
                if (!closed) {
                    closed = true;
                    reservedBytes -= bytes;
                    reservedSandboxes--;
                }
            } finally {
                lock.unlock();
            }
        }
    }

    /** @throws io.grpc.StatusRuntimeException RESOURCE_EXHAUSTED with what is lacking */
    public Reservation reserve(long bytes) {
        lock.lock();
        try {
            if (reservedSandboxes >= sandboxes) {
                throw Status.RESOURCE_EXHAUSTED
                        .withDescription(
                                "this node runs " + reservedSandboxes + " sandboxes, its limit is " + sandboxes)
                        .asRuntimeException();
            }
            long free = memoryBytes - reservedBytes;
            if (bytes > free) {
                throw Status.RESOURCE_EXHAUSTED
                        .withDescription("the sandbox asks for " + bytes + " bytes of memory, this node has " + free
                                + " of " + memoryBytes + " left")
                        .asRuntimeException();
            }
            reservedBytes += bytes;
            reservedSandboxes++;
            return new Reservation(bytes);
        } finally {
            lock.unlock();
        }
    }

    public long memoryBytes() {
        return memoryBytes;
    }

    public int sandboxes() {
        return sandboxes;
    }

    public long reservedBytes() {
        lock.lock();
        try {
            return reservedBytes;
        } finally {
            lock.unlock();
        }
    }

    public int reservedSandboxes() {
        lock.lock();
        try {
            return reservedSandboxes;
        } finally {
            lock.unlock();
        }
    }
}
