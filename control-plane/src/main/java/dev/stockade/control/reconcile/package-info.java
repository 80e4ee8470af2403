/**
 * What one replica (the holder of a lease row) does for all: notices lost nodes, follows the nodes'
 * reports, and resumes what was cut short.
 */
@NullMarked
package dev.stockade.control.reconcile;

import org.jspecify.annotations.NullMarked;
