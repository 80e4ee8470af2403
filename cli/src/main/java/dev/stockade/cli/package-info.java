/** The `stockade` command: {@link dev.stockade.cli.Main} and what its commands share. */
@NullMarked
package dev.stockade.cli;

import org.jspecify.annotations.NullMarked;
