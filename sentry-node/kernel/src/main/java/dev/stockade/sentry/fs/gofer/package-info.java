/**
 * The gofer file system: files of immutable image trees that a gofer node, or in a one-shot sentry the
 * host itself, serves read-only. {@link dev.stockade.sentry.fs.gofer.GoferClient} is all that this package
 * knows of where they come from; its implementations live outside the kernel. Uses {@code abi} and
 * {@code vfs}; knows none of the other file systems.
 */
@NullMarked
package dev.stockade.sentry.fs.gofer;

import org.jspecify.annotations.NullMarked;
