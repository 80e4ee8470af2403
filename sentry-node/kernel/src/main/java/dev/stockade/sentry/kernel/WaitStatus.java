package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Signal;

/**
 * How a process ended, encoded as wait(2) gives it.
 *
 * @param bits bits 0-6 the signal, 7 the core flag, 8-15 the exit code
 */
public record WaitStatus(int bits) {
    /** exit_group(2) with this code. */
    public static WaitStatus exited(int code) {
        return new WaitStatus((code & 0xff) << 8);
    }

    /** Killed by a signal. */
    public static WaitStatus killed(int signal) {
        return new WaitStatus(signal & 0x7f);
    }

    public boolean signaled() {
        return (bits & 0x7f) != 0;
    }

    /** The killing signal, 0 if it exited. */
    public int signal() {
        return bits & 0x7f;
    }

    /** The exit code, 0 if it was killed. */
    public int exitCode() {
        return (bits >>> 8) & 0xff;
    }

    /** As shells have it: the exit code, or 128 + signal. */
    public int shellStatus() {
        return signaled() ? 128 + signal() : exitCode();
    }

    @Override
    public String toString() {
        return signaled() ? "killed by " + Signal.name(signal()) : "exited with " + exitCode();
    }
}
