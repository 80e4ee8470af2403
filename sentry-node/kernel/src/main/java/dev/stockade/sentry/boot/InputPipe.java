package dev.stockade.sentry.boot;

/** The host's end of what a guest process reads from. For one writing thread; {@link #wakeup} and close for any. */
public interface InputPipe extends AutoCloseable {
    /**
     * Puts what fits without waiting.
     *
     * @return bytes taken, 0 if the pipe is full now, -1 when no reader is left
     */
    int tryWrite(byte[] source, int offset, int length);

    /** Waits until {@link #tryWrite} may return something else than 0, or {@link #wakeup}. */
    void awaitWritable() throws InterruptedException;

    /** Ends the present or the next {@link #awaitWritable}. */
    void wakeup();

    /** End of file for the guest. Idempotent. */
    @Override
    void close();
}
