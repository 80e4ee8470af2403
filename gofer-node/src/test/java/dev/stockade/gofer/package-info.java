/** Tests, and what several of them use. */
@NullMarked
package dev.stockade.gofer;

import org.jspecify.annotations.NullMarked;
