package dev.stockade.sentry.fs.gofer;

/**
 * An entry of a directory.
 *
 * @param name not to be changed
 * @param type the S_IFMT bits of its mode
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier, never compared
public record GoferDirEntry(byte[] name, long ino, int type) {}
