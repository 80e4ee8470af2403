package dev.stockade.sentry.vfs;

/**
 * An entry of a directory as readdir(3) shows it.
 *
 * @param name not to be changed
 * @param type DT_* of readdir(3)
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier, never compared
public record DirectoryEntry(byte[] name, long ino, int type) {}
