/**
 * The only package that calls native code: opening files beneath a directory with openat2(2), and
 * reading them. A path given to it can be hostile; what it returns never lies outside the directory that it
 * was asked about. Uses {@code abi}.
 */
@NullMarked
package dev.stockade.gofer.host;

import org.jspecify.annotations.NullMarked;
