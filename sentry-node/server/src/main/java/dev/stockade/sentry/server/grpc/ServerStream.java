package dev.stockade.sentry.server.grpc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The response side of a server-streaming call, for one virtual thread that writes it and waits while the client is
 * slow. Construct it in the service method itself: handlers can't be set later.
 */
final class ServerStream<T> {
    private final ServerCallStreamObserver<T> observer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private boolean cancelled;

    @GuardedBy("lock")
    private @Nullable Thread writer;

    ServerStream(ServerCallStreamObserver<T> observer) {
        this.observer = observer;
        observer.setOnReadyHandler(this::signal);
        observer.setOnCancelHandler(this::cancelled);
    }

    /** What writes the stream. Interrupted when the client goes away. */
    interface Body {
        void run() throws InterruptedException;
    }

    void write(String threadName, Body body) {
        write(threadName, () -> {}, body);
    }

    /** Runs {@code body} on a virtual thread; the call completes when it returns. {@code after} runs in any case. */
    void write(String threadName, Runnable after, Body body) {
        Thread thread = Thread.ofVirtual().name(threadName).unstarted(() -> {
            try {
                body.run();
                complete();
            } catch (InterruptedException e) {
                // the client is gone
            } catch (RuntimeException e) {
                fail(e);
            } finally {
                after.run();
            }
        });
        lock.lock();
        try {
            writer = thread;
            if (cancelled) {
                after.run();
                return;
            }
        } finally {
            lock.unlock();
        }
        thread.start();
    }

    private void signal() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void cancelled() {
        lock.lock();
        try {
            cancelled = true;
            if (writer != null) {
                writer.interrupt();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the client takes more, then sends. */
    void send(T message) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!observer.isReady()) {
                if (cancelled) {
                    throw new InterruptedException();
                }
                changed.await();
            }
        } finally {
            lock.unlock();
        }
        observer.onNext(message);
    }

    private void complete() {
        if (!observer.isCancelled()) {
            observer.onCompleted();
        }
    }

    private void fail(RuntimeException e) {
        if (!observer.isCancelled()) {
            observer.onError(Answers.status(e));
        }
    }
}
