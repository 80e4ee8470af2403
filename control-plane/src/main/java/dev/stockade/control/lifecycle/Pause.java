package dev.stockade.control.lifecycle;

import java.util.concurrent.CancellationException;

/** Waiting between two looks at the database. */
final class Pause {
    private Pause() {}

    static void millis(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }
}
