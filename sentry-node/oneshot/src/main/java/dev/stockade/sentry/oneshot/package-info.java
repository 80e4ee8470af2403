/**
 * {@code stockade do}: one program in a sentry of this process, host files (or a directory) read-only under an overlay
 * in memory. Uses the kernel and the KVM platform and nothing of the services.
 */
@NullMarked
package dev.stockade.sentry.oneshot;

import org.jspecify.annotations.NullMarked;
