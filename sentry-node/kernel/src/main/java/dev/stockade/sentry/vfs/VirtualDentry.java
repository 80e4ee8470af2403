package dev.stockade.sentry.vfs;

/** A place in the tree: a dentry as seen through a mount (Linux's struct path). */
public record VirtualDentry(Mount mount, Dentry dentry) {}
