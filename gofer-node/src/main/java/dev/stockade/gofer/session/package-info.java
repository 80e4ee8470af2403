/**
 * Sessions of sentries: tables of handles, limits and expiry. Treats its callers as hostile: whatever they
 * send costs only their own session. Uses {@code store}, {@code tree} and {@code host}; knows no gRPC.
 */
@NullMarked
package dev.stockade.gofer.session;

import org.jspecify.annotations.NullMarked;
