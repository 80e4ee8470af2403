/**
 * Character devices of memory and randomness (null(4), full(4), random(4)) and the contents of /dev. Uses {@code abi} and
 * {@code vfs}; knows none of the other file systems.
 */
@NullMarked
package dev.stockade.sentry.fs.dev;

import org.jspecify.annotations.NullMarked;
