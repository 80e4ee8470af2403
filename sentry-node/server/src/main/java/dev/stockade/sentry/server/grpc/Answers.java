package dev.stockade.sentry.server.grpc;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.context.Context;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** Runs commands, which block, on virtual threads in the caller's trace and sends their one answer. */
final class Answers {
    private static final Logger LOG = Logger.getLogger(Answers.class);

    private Answers() {}

    static <T> void answer(String threadName, StreamObserver<T> observer, Supplier<T> command) {
        if (observer instanceof ServerCallStreamObserver<T> call) {
            // A command goes on when its caller went away; without a handler the late answer would throw.
            call.setOnCancelHandler(() -> {});
        }
        Thread.ofVirtual().name(threadName).start(Context.current().wrap(() -> {
            T answer;
            try {
                answer = command.get();
            } catch (RuntimeException | Error e) {
                observer.onError(status(e));
                return;
            }
            observer.onNext(answer);
            observer.onCompleted();
        }));
    }

    static StatusRuntimeException status(Throwable e) {
        if (e instanceof StatusRuntimeException s) {
            return s;
        }
        LOG.error("a command failed", e);
        return Status.INTERNAL
                .withDescription("the node failed: " + e)
                .withCause(e)
                .asRuntimeException();
    }
}
