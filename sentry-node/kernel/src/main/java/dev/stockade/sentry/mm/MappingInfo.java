package dev.stockade.sentry.mm;

/**
 * One line of /proc/pid/maps, with what /proc/pid/smaps adds.
 *
 * @param prot PROT_* bits
 * @param shared MAP_SHARED
 * @param name a file's path, {@code [heap]}, {@code [stack]} or empty
 * @param residentBytes Rss
 * @param anonymousBytes Anonymous: pages that belong to this address space and no file
 */
public record MappingInfo(
        long start,
        long end,
        int prot,
        boolean shared,
        long fileOffset,
        long deviceNumber,
        long inodeNumber,
        String name,
        long residentBytes,
        long anonymousBytes,
        boolean locked) {}
