/**
 * The sentry node: a Quarkus service that keeps sandboxes. {@code grpc} answers the control plane, {@code sandbox}
 * holds the life cycle, {@code runtime} is the seam to the kernel, {@code node} announces the node, {@code gofer}
 * reaches the files. Lock order: SandboxTable.lock &gt; Sandbox.lock &gt; Execution.lock &gt; ReportHub.lock, LogRing.lock.
 */
@NullMarked
package dev.stockade.sentry.server;

import org.jspecify.annotations.NullMarked;
