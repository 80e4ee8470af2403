package dev.stockade.control.domain;

/**
 * Where a sandbox lives.
 *
 * @param bootId the start of the node's process that holds it: a restarted node has lost it
 * @param goferAddress host:port of the gofer node that serves its image
 */
public record Assignment(String nodeId, String bootId, String goferAddress) {}
