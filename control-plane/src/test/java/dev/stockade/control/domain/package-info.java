@NullMarked
package dev.stockade.control.domain;

import org.jspecify.annotations.NullMarked;
