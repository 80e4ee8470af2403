/**
 * Runs the conformance programs (../programs, ../scripts) in the sentry and compares what they print and how they end
 * with what they did natively. Plain Java with few modules, because it also runs inside emulated hardware KVM.
 */
@NullMarked
package dev.stockade.conformance;

import org.jspecify.annotations.NullMarked;
