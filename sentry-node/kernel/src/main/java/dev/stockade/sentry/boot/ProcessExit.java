package dev.stockade.sentry.boot;

/**
 * How a process ended.
 *
 * @param code exit(2) status, or 128 + signal
 * @param signal 0 if it exited
 * @param outOfMemory it was killed because the sandbox passed its memory limit
 */
public record ProcessExit(int code, int signal, boolean outOfMemory) {
    public static ProcessExit exited(int code) {
        return new ProcessExit(code, 0, false);
    }

    public static ProcessExit killed(int signal) {
        return new ProcessExit(128 + signal, signal, false);
    }
}
