package dev.stockade.sentry.kernel;

/** This sandbox's kernel cannot go on. */
final class KernelPanicException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    KernelPanicException(String message) {
        super(message);
    }
}
