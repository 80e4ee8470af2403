/** Events read back from the broker. */
@NullMarked
package dev.stockade.cli.events;

import org.jspecify.annotations.NullMarked;
