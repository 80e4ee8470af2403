/** The terminal and the signals of the command's own process. */
@NullMarked
package dev.stockade.cli.terminal;

import org.jspecify.annotations.NullMarked;
