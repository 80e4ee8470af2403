package dev.stockade.cli;

import org.jspecify.annotations.Nullable;

/** An error that is told to the user in one line, with the status the command then exits with. */
public final class CliException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Stockade's own errors, as with containers: apart from the statuses of programs and shells. */
    public static final int OWN_ERROR = 125;

    private final int exitCode;

    public CliException(String message) {
        this(OWN_ERROR, message, null);
    }

    public CliException(int exitCode, String message) {
        this(exitCode, message, null);
    }

    public CliException(String message, @Nullable Throwable cause) {
        this(OWN_ERROR, message, cause);
    }

    public CliException(int exitCode, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    public int exitCode() {
        return exitCode;
    }

    public String text() {
        String message = getMessage();
        return message == null ? "unknown error" : message;
    }
}
