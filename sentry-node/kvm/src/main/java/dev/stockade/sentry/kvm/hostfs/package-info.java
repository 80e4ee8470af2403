/**
 * Host files for a one-shot sentry without a fleet: {@link dev.stockade.sentry.kvm.hostfs.LocalTreeClient} serves a
 * directory of the host read-only to the kernel's gofer file system. Part of this module because only it makes native
 * calls; knows nothing of KVM. Lock order: LocalTreeClient.openLock &gt; LocalNode.
 */
@NullMarked
package dev.stockade.sentry.kvm.hostfs;

import org.jspecify.annotations.NullMarked;
