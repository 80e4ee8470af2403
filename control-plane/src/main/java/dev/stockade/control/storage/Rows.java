package dev.stockade.control.storage;

import dev.stockade.control.domain.Exit;
import org.jspecify.annotations.Nullable;

/** What several rows have in common. */
final class Rows {
    private Rows() {}

    static @Nullable Exit exit(@Nullable Integer code, @Nullable Integer signal) {
        return code == null ? null : new Exit(code, signal == null ? 0 : signal);
    }
}
