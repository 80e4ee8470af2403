package dev.stockade.control.nodes;

/** No gofer node has an image of this name. */
public final class ImageNotFoundException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ImageNotFoundException(String name, String objection) {
        super("image " + name + " can't be used: " + objection);
    }
}
