package dev.stockade.control.nodes;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A server-streaming call as a publisher with backpressure: a message is asked of the node for each one that the
 * subscriber asks for. For one subscriber; the call is made when it subscribes.
 *
 * @param <Q> the request
 * @param <A> the messages
 */
final class NodeStream<Q, A> implements Flow.Publisher<A> {
    private final String address;
    private final Consumer<ClientResponseObserver<Q, A>> start;

    /**
     * @param start makes the call with the given observer
     */
    NodeStream(String address, Consumer<ClientResponseObserver<Q, A>> start) {
        this.address = address;
        this.start = start;
    }

    @Override
    public void subscribe(Flow.Subscriber<? super A> subscriber) {
        Call call = new Call(subscriber);
        start.accept(call);
        call.begin();
    }

    private final class Call implements ClientResponseObserver<Q, A>, Flow.Subscription {
        private final Flow.Subscriber<? super A> subscriber;
        private final Object lock = new Object();
        private @Nullable ClientCallStreamObserver<Q> call;
        private volatile boolean cancelled;

        @GuardedBy("lock")
        private boolean begun;

        @GuardedBy("lock")
        private long askedEarly;

        @GuardedBy("lock")
        private @Nullable Runnable endedEarly;

        Call(Flow.Subscriber<? super A> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<Q> requests) {
            call = requests;
            requests.disableAutoRequestWithInitial(0);
        }

        /** The signals of a subscription come one after another, so nothing comes before this one is over. */
        void begin() {
            subscriber.onSubscribe(this);
            long asked;
            Runnable ended;
            synchronized (lock) {
                begun = true;
                asked = askedEarly;
                ended = endedEarly;
            }
            if (ended != null) {
                ended.run();
            } else if (asked > 0) {
                ask(asked);
            }
        }

        @Override
        public void request(long n) {
            synchronized (lock) {
                if (!begun) {
                    askedEarly = Math.min(Integer.MAX_VALUE, askedEarly + Math.min(n, Integer.MAX_VALUE));
                    return;
                }
            }
            ask(n);
        }

        private void ask(long n) {
            ClientCallStreamObserver<Q> node = call;
            if (node != null) {
                node.request((int) Math.min(n, Integer.MAX_VALUE));
            }
        }

        @Override
        public void onNext(A message) {
            if (!cancelled) {
                subscriber.onNext(message);
            }
        }

        @Override
        public void onError(Throwable failure) {
            end(() -> subscriber.onError(
                    failure instanceof StatusRuntimeException status
                            ? NodeCallException.of(address, status)
                            : failure));
        }

        @Override
        public void onCompleted() {
            end(subscriber::onComplete);
        }

        private void end(Runnable signal) {
            synchronized (lock) {
                if (!begun) {
                    endedEarly = signal;
                    return;
                }
            }
            if (!cancelled) {
                signal.run();
            }
        }

        @Override
        public void cancel() {
            cancelled = true;
            ClientCallStreamObserver<Q> node = call;
            if (node != null) {
                node.cancel("not wanted any more", null);
            }
        }
    }
}
