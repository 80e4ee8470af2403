package dev.stockade.control.storage;

/** Another sandbox of the tenant bears the name. */
public final class NameTakenException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NameTakenException(String name) {
        super("the name " + name
                + " is taken by another sandbox of this tenant: delete that one or choose another name");
    }
}
