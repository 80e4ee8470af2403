/**
 * The embedded PostgreSQL server, for a control plane that was not given another one.
 */
@NullMarked
package dev.stockade.control.database;

import org.jspecify.annotations.NullMarked;
