/**
 * Futexes: queues of waiters by key (futex(2)). A key is whatever {@code mm} gives for a word; the word itself is read
 * and changed through {@link dev.stockade.sentry.futex.FutexWord}. Knows no task and no address space.
 */
@NullMarked
package dev.stockade.sentry.futex;

import org.jspecify.annotations.NullMarked;
