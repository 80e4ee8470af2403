/**
 * The system call table of x86-64, its dispatcher, and the calls in groups by subject: a call's method bears its name.
 * At the top of the module: uses everything below, nothing below uses it.
 */
@NullMarked
package dev.stockade.sentry.syscalls;

import org.jspecify.annotations.NullMarked;
