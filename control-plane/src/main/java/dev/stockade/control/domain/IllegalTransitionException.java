package dev.stockade.control.domain;

/** A change that the transition table does not have. */
public final class IllegalTransitionException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String sandboxId;
    private final SandboxState from;
    private final SandboxState to;

    IllegalTransitionException(String sandboxId, SandboxState from, SandboxState to) {
        super("sandbox " + sandboxId + " is " + from + " and can't become " + to);
        this.sandboxId = sandboxId;
        this.from = from;
        this.to = to;
    }

    public String sandboxId() {
        return sandboxId;
    }

    public SandboxState from() {
        return from;
    }

    public SandboxState to() {
        return to;
    }
}
