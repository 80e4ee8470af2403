/**
 * What runs guest code: interfaces that sentry-node/kvm implements and a fake stands in for in tests.
 * Uses {@code abi} and {@code memory}.
 */
@NullMarked
package dev.stockade.sentry.platform;

import org.jspecify.annotations.NullMarked;
