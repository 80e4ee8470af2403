package dev.stockade.control.domain;

/** Reasons that the control plane itself gives; nodes have their own. */
public final class Reason {
    /** The node died, or was not heard of in time. */
    public static final String NODE_LOST = "node-lost";
    /** The node said that it shuts down. */
    public static final String NODE_SHUTDOWN = "node-shutdown";
    /** The node is alive and does not know the sandbox. */
    public static final String UNKNOWN_ON_NODE = "unknown-on-node";
    /** The node refused to make it. */
    public static final String CREATE_REFUSED = "create-refused";
    /** The node did not make it in time. */
    public static final String CREATE_TIMEOUT = "create-timeout";
    /** Its owner stopped it. */
    public static final String STOPPED = "stopped";
    /** Its owner deleted it while it ran. */
    public static final String DELETED = "deleted";

    private Reason() {}
}
