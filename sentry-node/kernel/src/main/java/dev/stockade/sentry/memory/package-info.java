/**
 * The backing memory of a sandbox: one contiguous range that is both the JVM's view and the
 * guest-physical memory, handed out in 4 KiB frames. Uses {@code abi}.
 */
@NullMarked
package dev.stockade.sentry.memory;

import org.jspecify.annotations.NullMarked;
