package dev.stockade.sentry.server.gofer;

import java.time.Duration;

/**
 * How long a file operation tries.
 *
 * @param operation after which a gofer that is away makes an operation fail with EIO
 * @param attempt after which one call counts as lost and is made again
 * @param retryPause between two attempts
 */
public record GoferTimeouts(Duration operation, Duration attempt, Duration retryPause) {
    public static final GoferTimeouts DEFAULT =
            new GoferTimeouts(Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofMillis(100));

    public GoferTimeouts withOperation(Duration timeout) {
        return new GoferTimeouts(timeout, attempt, retryPause);
    }
}
