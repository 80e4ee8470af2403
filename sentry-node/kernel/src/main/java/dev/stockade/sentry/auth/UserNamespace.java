package dev.stockade.sentry.auth;

import org.jspecify.annotations.Nullable;

/** A user namespace (user_namespaces(7)). */
public final class UserNamespace {
    private final @Nullable UserNamespace parent;

    public UserNamespace(@Nullable UserNamespace parent) {
        this.parent = parent;
    }

    public @Nullable UserNamespace parent() {
        return parent;
    }
}
