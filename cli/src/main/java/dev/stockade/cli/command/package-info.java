/** One class for each command, named as the user names it. */
@NullMarked
package dev.stockade.cli.command;

import org.jspecify.annotations.NullMarked;
