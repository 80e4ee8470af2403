package dev.stockade.control.nodes;

/** No gofer node is there to serve images. */
public final class NoGoferException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NoGoferException() {
        super("no gofer node is registered, so no image can be served: start one (stockade status shows the fleet)");
    }
}
