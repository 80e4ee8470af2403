/**
 * Puts a sandbox together: a machine, a kernel, the file systems of its root, the files that a container engine would
 * write into it, and processes with their standard streams connected to the host. Stands above every other package of
 * the kernel and is what the sentry node and the one-shot sentry use. Lock order: nothing here holds a lock while it
 * calls the kernel.
 */
@NullMarked
package dev.stockade.sentry.boot;

import org.jspecify.annotations.NullMarked;
