package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The first line of an interpreter script, as fs/binfmt_script.c reads it.
 *
 * @param argument the one optional argument, blanks and all
 */
record InterpreterLine(byte[] interpreter, byte @Nullable [] argument) {
    /**
     * @param buffer the beginning of the file, padded with zeros
     * @throws ErrnoException ENOEXEC if it names no interpreter
     */
    static InterpreterLine parse(byte[] buffer) throws ErrnoException {
        int last = buffer.length - 1;
        int end = find(buffer, '\n');
        if (end < 0) {
            int name = nextNonBlank(buffer, 2, last);
            // Without an end of line there has to be an end of the name, or it may be cut off.
            if (name < 0 || nextTerminator(buffer, name, last) < 0) {
                throw Errno.ENOEXEC.exception();
            }
            end = last;
        }
        while (isBlank(buffer[end - 1])) {
            end--;
        }
        int name = nextNonBlank(buffer, 2, end);
        if (name < 0 || name == end) {
            throw Errno.ENOEXEC.exception();
        }
        int separator = nextTerminator(buffer, name, end);
        int argument = -1;
        if (separator >= 0 && buffer[separator] != 0) {
            argument = nextNonBlank(buffer, separator, end);
        }
        byte[] interpreter = string(buffer, name, argument >= 0 ? separator : end);
        return new InterpreterLine(interpreter, argument < 0 ? null : string(buffer, argument, end));
    }

    /** Up to {@code end} or a NUL. */
    private static byte[] string(byte[] buffer, int start, int end) {
        int stop = start;
        while (stop < end && buffer[stop] != 0) {
            stop++;
        }
        return Arrays.copyOfRange(buffer, start, stop);
    }

    private static boolean isBlank(byte b) {
        return b == ' ' || b == '\t';
    }

    /** As strnchr: not beyond a NUL. */
    private static int find(byte[] buffer, char c) {
        for (int i = 0; i < buffer.length && buffer[i] != 0; i++) {
            if (buffer[i] == c) {
                return i;
            }
        }
        return -1;
    }

    private static int nextNonBlank(byte[] buffer, int first, int last) {
        for (int i = first; i <= last; i++) {
            if (!isBlank(buffer[i])) {
                return i;
            }
        }
        return -1;
    }

    private static int nextTerminator(byte[] buffer, int first, int last) {
        for (int i = first; i <= last; i++) {
            if (isBlank(buffer[i]) || buffer[i] == 0) {
                return i;
            }
        }
        return -1;
    }
}
