package dev.stockade.sentry.vfs;

/** A name in a file system's tree. */
public abstract class Dentry {}
