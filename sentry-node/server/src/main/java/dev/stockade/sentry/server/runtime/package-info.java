/**
 * What the life cycle asks of whatever runs guest programs: the kernel on KVM in production, a hand-written fake in
 * the contract tests. Knows no gRPC service and no Quarkus.
 */
@NullMarked
package dev.stockade.sentry.server.runtime;

import org.jspecify.annotations.NullMarked;
