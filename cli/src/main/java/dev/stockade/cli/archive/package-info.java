/** Directories as tar streams, for images. */
@NullMarked
package dev.stockade.cli.archive;

import org.jspecify.annotations.NullMarked;
