package dev.stockade.control.api;

import dev.stockade.control.nodes.ImageImport;
import java.util.Map;

/** An image is not on every gofer node. */
final class ImageImportException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean nowhere;
    private final transient Map<String, String> errors;

    ImageImportException(String name, ImageImport.Outcome outcome) {
        super("image " + name + " was not imported on "
                + String.join(", ", outcome.errors().keySet()) + ": "
                + outcome.errors().firstEntry().getValue());
        this.errors = outcome.errors();
        this.nowhere = outcome.image() == null;
    }

    boolean nowhere() {
        return nowhere;
    }

    Map<String, String> errors() {
        return errors;
    }
}
