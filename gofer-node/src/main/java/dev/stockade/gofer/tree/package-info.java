/**
 * Image trees as values: what a guest sees of an image (names, modes, owners, times, link targets,
 * content digests) and its canonical description, whose SHA-256 is the image's id. No I/O on file contents.
 * Uses {@code abi}.
 */
@NullMarked
package dev.stockade.gofer.tree;

import org.jspecify.annotations.NullMarked;
