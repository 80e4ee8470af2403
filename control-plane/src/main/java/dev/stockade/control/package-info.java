/**
 * The control plane: takes requests, places sandboxes on sentry nodes, follows them, and publishes every
 * change of a sandbox's life. {@code domain} and {@code placement} are pure; {@code storage} is beneath
 * {@code lifecycle}, which is beneath {@code api}, {@code stream} and {@code reconcile}.
 */
@NullMarked
package dev.stockade.control;

import org.jspecify.annotations.NullMarked;
