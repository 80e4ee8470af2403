/**
 * PostgreSQL: entities, and stores whose methods are one transaction each. A change of a sandbox and
 * the events of that change are written together (the outbox), so neither is ever seen without the other.
 *
 * <p>Row lock order: node, sandbox, execution.
 */
@NullMarked
package dev.stockade.control.storage;

import org.jspecify.annotations.NullMarked;
