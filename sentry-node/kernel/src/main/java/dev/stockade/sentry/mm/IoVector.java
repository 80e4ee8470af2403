package dev.stockade.sentry.mm;

/** One element of an iovec array (readv(2)). {@code length} is at least 0. */
public record IoVector(long address, long length) {}
