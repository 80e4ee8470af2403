package dev.stockade.sentry.platform;

/** Something that can run guest code at ring 3. One per JVM process, shared by its sandboxes; thread-safe. */
public interface Platform extends AutoCloseable {
    /** One line for people and for the node's labels, e.g. {@code "kvm (software)"}. */
    String describe();

    /**
     * Makes the machine of one sandbox.
     *
     * @param memoryBytes size of its backing memory, a multiple of 4096; host memory is used only as it is touched
     * @throws PlatformException if the host refuses
     */
    Machine newMachine(long memoryBytes) throws PlatformException;

    @Override
    void close();
}
