/**
 * Checks and measurements of the platform with hand-assembled guests, as plain programs that run wherever a JVM does,
 * also inside an emulated machine. Uses {@code sentry.kvm} and {@code sentry.platform}.
 */
@NullMarked
package dev.stockade.sentry.kvm.selftest;

import org.jspecify.annotations.NullMarked;
