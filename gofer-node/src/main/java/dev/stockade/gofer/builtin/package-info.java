/**
 * Images that need no import: made on first use. Uses {@code store} and {@code tree}.
 */
@NullMarked
package dev.stockade.gofer.builtin;

import org.jspecify.annotations.NullMarked;
