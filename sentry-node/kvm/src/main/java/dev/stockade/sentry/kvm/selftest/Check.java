package dev.stockade.sentry.kvm.selftest;

import dev.stockade.sentry.platform.Platform;

/** One check of a platform: it passes unless it throws. */
public record Check(String name, Body body) {
    /** What the check does. */
    @FunctionalInterface
    public interface Body {
        void run(Platform platform) throws Exception;
    }

    static void equal(long expected, long actual, String what) {
        if (expected != actual) {
            throw new AssertionError(
                    what + ": expected 0x" + Long.toHexString(expected) + ", got 0x" + Long.toHexString(actual));
        }
    }

    static void same(Object expected, Object actual, String what) {
        if (!expected.equals(actual)) {
            throw new AssertionError(what + ": expected " + expected + ", got " + actual);
        }
    }

    static void that(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }
}
