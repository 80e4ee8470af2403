/**
 * Which node a sandbox goes to: filters, then scores, over an immutable snapshot of the cluster. Pure;
 * the plan is committed elsewhere ({@code storage}), which checks it again under a lock.
 */
@NullMarked
package dev.stockade.control.placement;

import org.jspecify.annotations.NullMarked;
