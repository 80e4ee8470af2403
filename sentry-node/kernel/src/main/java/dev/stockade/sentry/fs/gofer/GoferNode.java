package dev.stockade.sentry.fs.gofer;

import org.jspecify.annotations.Nullable;

/**
 * A file that was walked to.
 *
 * @param symlinkTarget for symbolic links, else null; not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // compared by handle, never by content
public record GoferNode(long handle, GoferAttr attr, byte @Nullable [] symlinkTarget) {}
