/**
 * {@link dev.stockade.sentry.server.runtime.SandboxRuntime} by the kernel on the KVM platform, with files from gofers;
 * its spans and figures.
 */
@NullMarked
package dev.stockade.sentry.server.kernel;

import org.jspecify.annotations.NullMarked;
