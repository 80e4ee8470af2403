/**
 * The relay from the outbox to Kafka: CloudEvents, in order per sandbox, at least once, with stable ids.
 */
@NullMarked
package dev.stockade.control.events;

import org.jspecify.annotations.NullMarked;
