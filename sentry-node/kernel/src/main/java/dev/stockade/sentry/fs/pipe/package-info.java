/**
 * Pipes and FIFOs (pipe(7), fifo(7)), and pipes whose other end is outside the sandbox: its standard input and output.
 * Uses {@code abi}, {@code memory}, {@code vfs} and {@code waiter}; knows none of the other file systems.
 *
 * <p>A pipe's lock is held while bytes go to or come from guest memory, so it comes before the locks of {@code mm};
 * waiters are told without it.
 */
@NullMarked
package dev.stockade.sentry.fs.pipe;

import org.jspecify.annotations.NullMarked;
