package dev.stockade.control.nodes;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** A call to a node did not succeed. */
public final class NodeCallException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What that means for the caller. */
    public enum Kind {
        /** The node could not be reached, or did not answer in time: the call may or may not have had its effect. */
        UNREACHABLE,
        /** The node does not know what the call is about. */
        NOT_FOUND,
        /** The node said no, and will say so again. */
        REFUSED
    }

    private final Kind kind;

    public NodeCallException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    private NodeCallException(Kind kind, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    static NodeCallException of(String address, StatusRuntimeException e) {
        Status status = e.getStatus();
        String text = status.getDescription() == null ? status.getCode().name() : status.getDescription();
        return switch (status.getCode()) {
            case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, ABORTED ->
                new NodeCallException(Kind.UNREACHABLE, "node at " + address + " can't be reached: " + text, e);
            case NOT_FOUND -> new NodeCallException(Kind.NOT_FOUND, text, e);
            default -> new NodeCallException(Kind.REFUSED, text, e);
        };
    }
}
