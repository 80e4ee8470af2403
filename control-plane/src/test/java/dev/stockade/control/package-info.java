@NullMarked
package dev.stockade.control;

import org.jspecify.annotations.NullMarked;
