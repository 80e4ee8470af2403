package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.ErrnoException;

/** The contents of a file as {@code mm} maps them, page by page. Thread-safe. */
public interface Mappable {
    /**
     * Makes the page at {@code fileOffset} (page-aligned) present in the sandbox's backing memory and takes a
     * reference to its frame, which the caller drops through the {@code FrameAllocator}.
     *
     * @param write the mapping is shared and writable: the frame must be the file's own page, made dirty
     * @return the frame's offset in the backing memory
     * @throws ErrnoException EFAULT beyond the end of the file (SIGBUS), EIO, ENOMEM
     */
    long mapPage(long fileOffset, boolean write) throws ErrnoException;

    /**
     * Like {@link #mapPage} for reading, but only if that neither waits nor fails: fault-around asks for the
     * neighbours of a page. Files override it where {@link #mapPage} may wait.
     *
     * @return the frame's offset, or -1
     */
    default long mapPageIfCached(long fileOffset) {
        try {
            return mapPage(fileOffset, false);
        } catch (ErrnoException e) {
            return -1;
        }
    }

    /** Whether the contents never change (a file of an image): a private mapping may copy pages before it must. */
    default boolean isImmutable() {
        return false;
    }

    /** For /proc/pid/maps. */
    String mappedName();

    long deviceNumber();

    long inodeNumber();

    /** A mapping begins or ends to hold the file open. */
    void incrementMapping();

    void decrementMapping();

    /**
     * From now on {@code listener} is told when the file loses pages. Each addition needs one removal; a listener that
     * was added more than once is told once.
     */
    default void addListener(MappingListener listener) {}

    default void removeListener(MappingListener listener) {}
}
