package dev.stockade.control.lifecycle;

/** There is no such thing in this tenant. */
public final class NotFoundException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotFoundException(String what, String key, String tenant) {
        super("tenant " + tenant + " has no " + what + " " + key
                + ": look at the list, or name another tenant with the Stockade-Tenant header");
    }
}
