package dev.stockade.gofer.store;

import dev.stockade.gofer.tree.TreeLimits;

/**
 * What a store takes at most.
 *
 * @param imageBytes the sum of an image's file contents
 * @param tree of each image
 * @param openFiles content files open at once
 * @param idleImages trees kept in memory though nobody has them attached
 */
public record StoreLimits(long imageBytes, TreeLimits tree, int openFiles, int idleImages) {}
