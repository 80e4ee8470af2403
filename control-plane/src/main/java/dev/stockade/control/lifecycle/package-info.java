/**
 * The operations on sandboxes, one class each: they change the desired state in the database, tell the
 * node, and write down what it answered. Whatever is cut short in the middle is resumed by {@code reconcile}.
 */
@NullMarked
package dev.stockade.control.lifecycle;

import org.jspecify.annotations.NullMarked;
