/**
 * The proc file system (proc(5)): what tools read about processes and the system, from the kernel's own state. The view
 * is that of one PID namespace; contents are made when a file is read from its beginning. Uses {@code kernel},
 * {@code mm} and {@code vfs}; takes no locks of its own but that of an open file.
 */
@NullMarked
package dev.stockade.sentry.fs.proc;

import org.jspecify.annotations.NullMarked;
