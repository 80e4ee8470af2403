@NullMarked
package dev.stockade.control.fleet;

import org.jspecify.annotations.NullMarked;
