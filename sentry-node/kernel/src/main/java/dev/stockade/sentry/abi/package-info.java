/**
 * Linux numbers, error numbers and guest struct layouts of x86-64. Uses nothing.
 */
@NullMarked
package dev.stockade.sentry.abi;

import org.jspecify.annotations.NullMarked;
