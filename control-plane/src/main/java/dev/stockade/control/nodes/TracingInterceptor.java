package dev.stockade.control.nodes;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapSetter;
import jakarta.enterprise.context.ApplicationScoped;
import org.jspecify.annotations.Nullable;

/** Makes a span of each call to a node and passes the trace on; the channels are not Quarkus's own clients. */
@ApplicationScoped
class TracingInterceptor implements ClientInterceptor {
    private static final TextMapSetter<Metadata> SETTER = (@Nullable Metadata headers, String key, String value) -> {
        if (headers != null) {
            headers.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
        }
    };

    private final OpenTelemetry telemetry;
    private final Tracer tracer;

    TracingInterceptor(OpenTelemetry telemetry) {
        this.telemetry = telemetry;
        this.tracer = telemetry.getTracer("stockade-control-plane");
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        Context parent = Context.current();
        Span span = tracer.spanBuilder(method.getFullMethodName())
                .setParent(parent)
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute("rpc.system", "grpc")
                .startSpan();
        Context traced = parent.with(span);
        return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
            @Override
            public void start(Listener<A> listener, Metadata headers) {
                telemetry.getPropagators().getTextMapPropagator().inject(traced, headers, SETTER);
                super.start(
                        new SimpleForwardingClientCallListener<>(listener) {
                            @Override
                            public void onClose(Status status, Metadata trailers) {
                                span.setAttribute(
                                        "rpc.grpc.status_code", status.getCode().value());
                                if (!status.isOk()) {
                                    span.setStatus(
                                            StatusCode.ERROR, status.getCode().name());
                                }
                                span.end();
                                super.onClose(status, trailers);
                            }
                        },
                        headers);
            }
        };
    }
}
