/**
 * The files of sandboxes over gRPC: {@link dev.stockade.sentry.server.gofer.GrpcGoferClient} is what the kernel's gofer
 * file system calls, {@link dev.stockade.sentry.server.gofer.GoferChannels} holds one connection per gofer of this node.
 * Lock order: GrpcGoferClient.attachLock &gt; GoferHandle &gt; HandleReleases.
 */
@NullMarked
package dev.stockade.sentry.server.gofer;

import org.jspecify.annotations.NullMarked;
