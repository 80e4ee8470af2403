package dev.stockade.gofer.tree;

/** A tree that cannot be: the message says which entry and why, for the person who made it. */
public final class TreeException extends Exception {
    private static final long serialVersionUID = 1L;

    public TreeException(String message) {
        super(message);
    }
}
