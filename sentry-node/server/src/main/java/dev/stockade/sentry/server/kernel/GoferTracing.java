package dev.stockade.sentry.server.kernel;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall;
import io.grpc.ForwardingClientCallListener;
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

/**
 * Carries a trace on to the gofer. Calls outside of any trace, those of guest programs, make no span: there are
 * thousands of them.
 */
public final class GoferTracing implements ClientInterceptor {
    private static final TextMapSetter<Metadata> SETTER = (carrier, key, value) -> {
        if (carrier != null) {
            carrier.put(Metadata.Key.of(key, Metadata.ASCII_STRING_MARSHALLER), value);
        }
    };

    private final OpenTelemetry telemetry;
    private final Tracer tracer;

    public GoferTracing(OpenTelemetry telemetry) {
        this.telemetry = telemetry;
        this.tracer = telemetry.getTracer("dev.stockade.sentry");
    }

    @Override
    public <A, B> ClientCall<A, B> interceptCall(MethodDescriptor<A, B> method, CallOptions options, Channel next) {
        ClientCall<A, B> call = next.newCall(method, options);
        if (!Span.current().getSpanContext().isValid()) {
            return call;
        }
        Span span = tracer.spanBuilder(method.getFullMethodName())
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute("rpc.system", "grpc")
                .startSpan();
        Context context = Context.current().with(span);
        return new ForwardingClientCall.SimpleForwardingClientCall<>(call) {
            @Override
            public void start(Listener<B> listener, Metadata headers) {
                telemetry.getPropagators().getTextMapPropagator().inject(context, headers, SETTER);
                super.start(new Ending<>(listener, span), headers);
            }
        };
    }

    private static final class Ending<B> extends ForwardingClientCallListener.SimpleForwardingClientCallListener<B> {
        private final Span span;

        Ending(ClientCall.Listener<B> listener, Span span) {
            super(listener);
            this.span = span;
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            span.setAttribute("rpc.grpc.status_code", status.getCode().value());
            if (!status.isOk()) {
                span.setStatus(StatusCode.ERROR, String.valueOf(status.getDescription()));
            }
            span.end();
            super.onClose(status, trailers);
        }
    }
}
