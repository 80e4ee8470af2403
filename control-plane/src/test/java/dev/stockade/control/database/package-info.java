@NullMarked
package dev.stockade.control.database;

import org.jspecify.annotations.NullMarked;
