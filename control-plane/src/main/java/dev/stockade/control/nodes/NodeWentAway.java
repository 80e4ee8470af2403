package dev.stockade.control.nodes;

/** The sandboxes that a node held until now are gone. */
public record NodeWentAway(String nodeId, String reason, String message) {}
