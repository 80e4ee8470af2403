/**
 * Event counters (eventfd(2)) and sets of files to wait for (epoll(7)). Uses {@code abi}, {@code vfs} and {@code waiter};
 * knows none of the file systems.
 *
 * <p>Locks: an epoll instance's table, then the locks of the files in it (nested instances: the outer table first;
 * they cannot form a cycle); the ready list is a leaf, taken by notifications with a file's wait queue held.
 */
@NullMarked
package dev.stockade.sentry.fs.event;

import org.jspecify.annotations.NullMarked;
