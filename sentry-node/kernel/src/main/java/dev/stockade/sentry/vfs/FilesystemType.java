package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;

/** A kind of file system that mount(2) can make. Thread-safe. */
public interface FilesystemType {
    String name();

    /** Whether it needs no device ("nodev" in /proc/filesystems). */
    default boolean isVirtual() {
        return true;
    }

    /**
     * A new instance for one mount.
     *
     * @param options the data argument of mount(2): comma-separated
     */
    Filesystem make(VfsContext context, String source, String options) throws ErrnoException;
}
