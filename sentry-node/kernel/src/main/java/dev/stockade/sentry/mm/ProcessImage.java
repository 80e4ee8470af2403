package dev.stockade.sentry.mm;

/**
 * Where the parts of a program are in its address space (prctl(2) PR_SET_MM, /proc/pid/{cmdline,environ,auxv,stat}).
 * Immutable; set by the loader.
 *
 * @param auxv the auxiliary vector as it stands on the initial stack; never modified
 */
public record ProcessImage(
        long startCode,
        long endCode,
        long startData,
        long endData,
        long startBrk,
        long startStack,
        long argStart,
        long argEnd,
        long envStart,
        long envEnd,
        byte[] auxv) {
    /** Counts against RLIMIT_DATA together with the heap (Linux's check_data_rlimit). */
    long dataLength() {
        return Math.max(0, endData - startData);
    }

    static final ProcessImage NONE = new ProcessImage(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, new byte[0]);
}
