/**
 * The fleet: the gRPC service that nodes register with, and the channels and calls to them. Wire types
 * end here and in {@code stream}; channels are plaintext for now, mutual TLS comes with authentication.
 */
@NullMarked
package dev.stockade.control.nodes;

import org.jspecify.annotations.NullMarked;
