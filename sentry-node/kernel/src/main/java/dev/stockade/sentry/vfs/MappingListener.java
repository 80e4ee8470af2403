package dev.stockade.sentry.vfs;

/** An address space that maps a file and must forget pages that the file loses (truncate, punched holes). */
public interface MappingListener {
    /**
     * The pages of [{@code from}, {@code to}) are no longer the file's: every translation to them must be gone when
     * this returns (private copies stay). Called without the file's page lock, perhaps with its I/O lock held; the
     * address space takes its own locks.
     *
     * @param from page-aligned
     * @param to page-aligned, or Long.MAX_VALUE for the end of the file
     */
    void invalidate(Mappable file, long from, long to);
}
