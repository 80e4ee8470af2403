package dev.stockade.control.api;

import java.util.Map;

/** An image was not removed from every gofer node. */
final class ImageRemovalException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean nowhere;
    private final transient Map<String, String> errors;

    ImageRemovalException(String name, Map<String, String> errors, boolean nowhere) {
        super("image " + name + " was not removed from " + String.join(", ", errors.keySet()) + ": "
                + errors.values().iterator().next());
        this.errors = errors;
        this.nowhere = nowhere;
    }

    boolean nowhere() {
        return nowhere;
    }

    Map<String, String> errors() {
        return errors;
    }
}
