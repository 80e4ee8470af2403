package dev.stockade.sentry.fs.gofer;

/** As in statfs(2). */
public record GoferStatFs(
        long type, long blockSize, long blocks, long blocksFree, long files, long filesFree, int nameLength) {}
