package dev.stockade.gofer.service;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.session.FileRead;
import dev.stockade.proto.gofer.v1.ReadResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * Sends the bytes of one read, a chunk at a time and only while the receiver has room: a slow receiver costs one file
 * descriptor and little memory.
 */
final class ReadStream {
    private static final int CHUNK_BYTES = 256 * 1024;
    /** Up to so many bytes may wait for a receiver; with a chunk more, that is what a read that nobody takes holds. */
    static final int BYTES_AHEAD = 512 * 1024;

    /** A buffer for each worker thread, since a chunk is copied out of it at once. */
    private static final ThreadLocal<ByteBuffer> BUFFER =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(CHUNK_BYTES));

    private final ServerCallStreamObserver<ReadResponse> out;
    private final FileRead read;
    private final BiConsumer<Errno, Long> onEnd;
    private final ReentrantLock mu = new ReentrantLock();

    @GuardedBy("mu")
    private boolean ended;

    @GuardedBy("mu")
    private boolean sentAny;

    @GuardedBy("mu")
    private long bytes;

    private volatile long lastProgressNs = System.nanoTime();

    /** {@code onEnd} learns the result and how many bytes were sent, once. */
    ReadStream(ServerCallStreamObserver<ReadResponse> out, FileRead read, BiConsumer<Errno, Long> onEnd) {
        this.out = out;
        this.read = read;
        this.onEnd = onEnd;
    }

    /** Sends what there is room for; called again when there is room again. */
    void pump() {
        mu.lock();
        try {
            while (!ended && out.isReady()) {
                ByteBuffer buffer = BUFFER.get().clear();
                read.next(buffer);
                buffer.flip();
                if (buffer.hasRemaining() || !sentAny) {
                    out.onNext(ReadResponse.newBuilder()
                            .setData(ByteString.copyFrom(buffer))
                            .build());
                    sentAny = true;
                    bytes += buffer.limit();
                }
                lastProgressNs = System.nanoTime();
                if (read.done()) {
                    end(Errno.OK);
                    out.onCompleted();
                }
            }
        } catch (ErrnoException e) {
            end(e.errno());
            out.onNext(ReadResponse.newBuilder().setErrno(e.errno().number()).build());
            out.onCompleted();
        } catch (RuntimeException e) {
            end(Errno.EIO);
            throw e;
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void end(Errno result) {
        if (!ended) {
            ended = true;
            read.close();
            onEnd.accept(result, bytes);
        }
    }

    /** The receiver is gone. */
    void cancelled() {
        mu.lock();
        try {
            end(Errno.EINTR);
        } finally {
            mu.unlock();
        }
    }

    void cancelIfIdleSince(long beforeNs) {
        if (lastProgressNs - beforeNs < 0) {
            cancel();
        }
    }

    /** Ends the read from this side. */
    void cancel() {
        mu.lock();
        try {
            if (!ended) {
                end(Errno.EINTR);
                out.onError(Status.ABORTED
                        .withDescription("the read was not taken in time")
                        .asRuntimeException());
            }
        } finally {
            mu.unlock();
        }
    }
}
