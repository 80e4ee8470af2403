package dev.stockade.sentry.vfs;

/** A file system attached to the tree. */
public final class Mount {}
