/**
 * Where images are kept: content-addressed trees and an index of names, changed only by atomic renames.
 * No name of a tar ever becomes a name on the host: contents are stored under their digests and everything else
 * about a file stands in the tree's description, so a hostile archive has no path to misuse. Uses {@code tree}
 * and {@code host}.
 */
@NullMarked
package dev.stockade.gofer.store;

import org.jspecify.annotations.NullMarked;
