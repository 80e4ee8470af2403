/**
 * Credentials, capabilities and user namespaces (credentials(7), capabilities(7)). Uses {@code abi}.
 */
@NullMarked
package dev.stockade.sentry.auth;

import org.jspecify.annotations.NullMarked;
