package dev.stockade.control.domain;

/**
 * What a sandbox is made of; immutable from its creation on.
 *
 * @param image the name that was asked for
 * @param imageId the content id it had then
 * @param timeoutMs from the start of the main process until it is killed; 0: none
 */
public record SandboxSpec(
        String image,
        String imageId,
        Command main,
        String hostname,
        long memoryBytes,
        int cpus,
        int maxTasks,
        boolean startOnAttach,
        boolean init,
        long timeoutMs) {}
