package dev.stockade.sentry.platform.fake;

/** A signal handler in Java. */
@FunctionalInterface
public interface GuestHandler {
    void handle(Guest g, int signal);
}
