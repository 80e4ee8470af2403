/**
 * The gRPC service {@code SentryNode}: messages in and out, flow control, nothing of the life cycle itself. Call-backs
 * of gRPC run on event loops and never block; whatever blocks runs on virtual threads.
 */
@NullMarked
package dev.stockade.sentry.server.grpc;

import org.jspecify.annotations.NullMarked;
