package dev.stockade.sentry.platform.fake;

/** A guest program in Java: runs on a thread of its own while its context is in guest mode. */
@FunctionalInterface
public interface GuestProgram {
    /** Returning is exit_group(0). */
    void run(Guest g);
}
