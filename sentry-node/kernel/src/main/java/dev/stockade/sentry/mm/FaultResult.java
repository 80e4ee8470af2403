package dev.stockade.sentry.mm;

/** What came of a page fault. All but {@link #HANDLED} become a signal (or an OOM kill) of the faulting task. */
public enum FaultResult {
    /** The access may be repeated. */
    HANDLED,
    /** SIGSEGV with SEGV_MAPERR: nothing is mapped there. */
    SEGV_MAPERR,
    /** SIGSEGV with SEGV_ACCERR: what is mapped does not allow the access. */
    SEGV_ACCERR,
    /** SIGBUS with BUS_ADRERR: beyond the end of a mapped file, or its contents could not be read. */
    BUS_ADRERR,
    /** The sandbox is at its memory limit. */
    OUT_OF_MEMORY,
}
