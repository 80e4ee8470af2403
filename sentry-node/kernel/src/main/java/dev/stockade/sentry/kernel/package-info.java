/**
 * Tasks, thread groups and everything that ties them together. Uses {@code loader}, {@code mm}, {@code vfs},
 * {@code auth}, {@code futex}, {@code time}, {@code waiter}, {@code platform} and {@code abi}; knows no file system
 * and no system call group.
 *
 * <p>"The task thread" of a task is the platform thread that runs it ({@link dev.stockade.sentry.kernel.Task}). A field
 * that is "exclusive to the task thread" is touched by no other thread while the task runs. A field that is "owned by
 * the task thread" is written by that thread alone, under the lock named, and so read by it without.
 *
 * <p>"The signal mutex" of a task or thread group is the {@code mu} of its
 * {@link dev.stockade.sentry.kernel.SignalHandlers}.
 *
 * <p>Lock order, outermost first ({@link dev.stockade.sentry.kernel.RankedLock} asserts it under {@code -ea}):
 *
 * <pre>
 * Kernel.extMu
 *   ThreadGroup.timerMu
 *     IntervalTimer.mu, CpuTimers.mu
 *       TaskSet.mu
 *         SignalHandlers.mu
 *           Task.mu
 *             leaves: FdTable, FsContext, WaitQueue, TimerQueue, futex buckets, ResourceLimits
 * </pre>
 *
 * Two locks of one rank are never held together. Calls into {@code vfs} and {@code mm} are made with none of these
 * held.
 */
@NullMarked
package dev.stockade.sentry.kernel;

import org.jspecify.annotations.NullMarked;
