package dev.stockade.control.nodes;

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
        start.accept(new Call(subscriber));
    }

    private final class Call implements ClientResponseObserver<Q, A>, Flow.Subscription {
        private final Flow.Subscriber<? super A> subscriber;
        private @Nullable ClientCallStreamObserver<Q> call;
        private volatile boolean cancelled;

        Call(Flow.Subscriber<? super A> subscriber) {
            this.subscriber = subscriber;
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<Q> requests) {
            call = requests;
            requests.disableAutoRequestWithInitial(0);
            // Asking before the call started is remembered by the first callback.
            requests.setOnReadyHandler(this::subscribeOnce);
        }

        private boolean subscribed;

        private void subscribeOnce() {
            if (!subscribed) {
                subscribed = true;
                subscriber.onSubscribe(this);
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
            subscribeOnce();
            if (!cancelled) {
                subscriber.onError(
                        failure instanceof StatusRuntimeException status
                                ? NodeCallException.of(address, status)
                                : failure);
            }
        }

        @Override
        public void onCompleted() {
            subscribeOnce();
            if (!cancelled) {
                subscriber.onComplete();
            }
        }

        @Override
        public void request(long n) {
            ClientCallStreamObserver<Q> node = call;
            if (node != null) {
                node.request((int) Math.min(n, Integer.MAX_VALUE));
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
