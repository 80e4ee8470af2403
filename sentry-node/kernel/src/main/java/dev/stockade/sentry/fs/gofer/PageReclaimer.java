package dev.stockade.sentry.fs.gofer;

import dev.stockade.sentry.memory.Reclaimer;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Gives the page caches of a gofer file system back when frames run out: the files that have been read longest ago
 * first, pages that nobody maps.
 */
final class PageReclaimer implements Reclaimer {
    /** Frames that one call tries to free. */
    private static final int WANTED = 256;

    private final ConcurrentLinkedQueue<GoferPages> files = new ConcurrentLinkedQueue<>();

    /** The file has its first cached page. */
    void add(GoferPages pages) {
        files.add(pages);
    }

    @Override
    public boolean reclaim() {
        int freed = 0;
        // Twice around: the first time only takes the marks of recent use away.
        int rounds = 2 * files.size();
        for (int i = 0; i < rounds && freed < WANTED; i++) {
            GoferPages p = files.poll();
            if (p == null) {
                break;
            }
            if (p.clearUsed()) {
                files.add(p);
                continue;
            }
            int n = p.tryDrop();
            freed += Math.max(n, 0);
            if (n < 0 || !p.leaveQueueIfEmpty()) {
                files.add(p);
            }
        }
        return freed > 0;
    }

    void close() {
        for (GoferPages p = files.poll(); p != null; p = files.poll()) {
            p.close();
        }
    }
}
