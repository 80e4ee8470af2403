package dev.stockade.gofer.tree;

/**
 * An image's tree. Immutable.
 *
 * @param inodes how many files it has, the root and all kinds counted, each hard-linked one once
 * @param contentBytes the sum of its regular files' sizes
 */
public record ImageTree(String id, Inode root, int inodes, long contentBytes) {}
