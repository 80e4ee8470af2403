package dev.stockade.sentry.server.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * The connections of this node to gofers: one for each address, shared by all sandboxes that use it, open while there
 * are any. Thread-safe; one per node.
 */
public final class GoferChannels implements AutoCloseable {
    /** Reads of this node at one gofer at once; the others wait here, since a gofer refuses what is too much. */
    private static final int READS_AT_ONCE = 64;

    private final GoferTimeouts timeouts;
    private final List<ClientInterceptor> interceptors;
    private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("gofer-release").daemon().factory());

    @GuardedBy("this")
    private final Map<String, Shared> channels = new HashMap<>();

    @GuardedBy("this")
    private boolean closed;

    /** A channel and how many clients use it. */
    private static final class Shared {
        final ManagedChannel channel;
        final Semaphore reads = new Semaphore(READS_AT_ONCE);
        int users; // guarded by the GoferChannels

        Shared(ManagedChannel channel) {
            this.channel = channel;
        }
    }

    /** {@code interceptors} see every call: for tracing. */
    public GoferChannels(GoferTimeouts timeouts, List<ClientInterceptor> interceptors) {
        this.timeouts = timeouts;
        this.interceptors = List.copyOf(interceptors);
    }

    /**
     * Attaches an image for a sandbox; waits for a gofer that is away, as file operations do.
     *
     * @param address host:port
     * @throws ErrnoException ENOENT when the gofer has no such image, ENFILE when it has too many sessions, EINTR when
     *     this thread was interrupted, EIO when the gofer cannot be reached or its store is damaged
     */
    public GrpcGoferClient attach(String address, String imageId, String sandboxId) throws ErrnoException {
        Shared shared = acquire(address);
        GrpcGoferClient client = new GrpcGoferClient(
                shared.channel, shared.reads, imageId, sandboxId, timeouts, scheduler, () -> release(address));
        try {
            client.attach();
            return client;
        } catch (ErrnoException e) {
            release(address);
            throw e;
        }
    }

    private synchronized Shared acquire(String address) throws ErrnoException {
        if (closed) {
            throw Errno.EIO.exception();
        }
        Shared shared = channels.get(address);
        if (shared == null) {
            try {
                shared = new Shared(Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                        .intercept(interceptors)
                        .build());
            } catch (IllegalArgumentException e) {
                throw Errno.EINVAL.exception();
            }
            channels.put(address, shared);
        }
        shared.users++;
        return shared;
    }

    private synchronized void release(String address) {
        Shared shared = channels.get(address);
        if (shared != null && --shared.users == 0) {
            channels.remove(address);
            shared.channel.shutdown(); // lets what was sent last, the detaching, arrive
        }
    }

    /** How many gofers this node is connected to. */
    public synchronized int size() {
        return channels.size();
    }

    /** Ends all connections; clients that are still open fail with EIO from now on. */
    @Override
    public void close() {
        List<Shared> all;
        synchronized (this) {
            closed = true;
            all = List.copyOf(channels.values());
            channels.clear();
        }
        scheduler.shutdownNow();
        all.forEach(shared -> shared.channel.shutdown());
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
        try {
            for (Shared shared : all) {
                if (!shared.channel.awaitTermination(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                    shared.channel.shutdownNow();
                }
            }
        } catch (InterruptedException e) {
            all.forEach(shared -> shared.channel.shutdownNow());
            Thread.currentThread().interrupt();
        }
    }
}
