package dev.stockade.cli.api;

import java.io.IOException;

/** No control plane answers at the address: nothing was sent. */
public final class UnreachableException extends IOException {
    private static final long serialVersionUID = 1L;

    UnreachableException(String message, Throwable cause) {
        super(message, cause);
    }
}
