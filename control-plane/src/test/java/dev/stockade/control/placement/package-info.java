@NullMarked
package dev.stockade.control.placement;

import org.jspecify.annotations.NullMarked;
