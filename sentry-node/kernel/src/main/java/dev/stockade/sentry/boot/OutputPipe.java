package dev.stockade.sentry.boot;

/**
 * The host's end of what a guest process writes to. For one reading thread; {@link #wakeup} for any. What was written
 * stays readable after the sandbox is closed.
 */
public interface OutputPipe extends AutoCloseable {
    /**
     * Takes what is there without waiting.
     *
     * @return bytes read; 0 if there is nothing now, -1 when every writer is gone and all was read
     */
    int tryRead(byte[] destination);

    /** Waits until {@link #tryRead} may return something else than 0, or {@link #wakeup}. */
    void awaitReadable() throws InterruptedException;

    /** Ends the present or the next {@link #awaitReadable}. */
    void wakeup();

    /** The guest's writes get EPIPE from now on. Idempotent. */
    @Override
    void close();
}
