package dev.stockade.sentry.server;

import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.PlatformException;
import dev.stockade.sentry.server.node.TracingSwitch;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import org.jspecify.annotations.Nullable;

/**
 * Starts the node. The platform is opened first, so that a host that can't run guests is told in one line and not from
 * under a stack trace.
 */
@QuarkusMain
public final class SentryNodeMain {
    private static volatile @Nullable Platform platform;

    private SentryNodeMain() {}

    public static void main(String... args) {
        TracingSwitch.apply(System.getenv());
        try {
            platform = KvmPlatform.open();
        } catch (PlatformException e) {
            System.err.println("stockade sentry node: " + e.getMessage());
            System.exit(1);
        }
        Quarkus.run(args);
    }

    /** The platform that {@link #main} opened; opens one where there was no main (tests). */
    static synchronized Platform platform() throws PlatformException {
        Platform p = platform;
        if (p == null) {
            p = KvmPlatform.open();
            platform = p;
        }
        return p;
    }
}
