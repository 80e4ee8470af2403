/**
 * The few Linux numbers that the gofer speaks: errnos and file modes. Uses nothing.
 */
@NullMarked
package dev.stockade.gofer.abi;

import org.jspecify.annotations.NullMarked;
