/**
 * The life cycle: which sandboxes there are, what they may use, their executions and the output they kept. Knows the
 * contract's messages but no gRPC call. Lock order: SandboxTable.lock &gt; Sandbox.lock &gt; Execution.lock &gt;
 * ReportHub.lock, LogRing.lock, NodeCapacity.lock. Nothing calls the runtime with a lock held but for the non-blocking
 * {@code signal}, {@code kill}, {@code wakeup} and {@code statistics}.
 */
@NullMarked
package dev.stockade.sentry.server.sandbox;

import org.jspecify.annotations.NullMarked;
