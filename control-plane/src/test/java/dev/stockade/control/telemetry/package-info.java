@NullMarked
package dev.stockade.control.telemetry;

import org.jspecify.annotations.NullMarked;
