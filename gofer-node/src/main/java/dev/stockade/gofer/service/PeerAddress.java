package dev.stockade.gofer.service;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.quarkus.grpc.GlobalInterceptor;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/** Tells the services which address a call comes from: limits are per address. */
@GlobalInterceptor
@ApplicationScoped
public class PeerAddress implements ServerInterceptor {
    private static final Context.Key<String> PEER = Context.keyWithDefault("stockade-peer", "unknown");

    /** The address of the current call's sender, without the port. */
    static String current() {
        return PEER.get();
    }

    @Override
    public <I, O> ServerCall.Listener<I> interceptCall(
            ServerCall<I, O> call, Metadata headers, ServerCallHandler<I, O> next) {
        SocketAddress remote = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
        String peer = remote instanceof InetSocketAddress inet && inet.getAddress() != null
                ? inet.getAddress().getHostAddress()
                : String.valueOf(remote);
        return Contexts.interceptCall(Context.current().withValue(PEER, peer), call, headers, next);
    }
}
