package dev.stockade.gofer.service;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;

/** Starts the node, once it is settled whether it is traced. */
@QuarkusMain
public final class GoferMain {
    private GoferMain() {}

    public static void main(String... args) {
        TracingSwitch.apply(System.getenv());
        Quarkus.run(args);
    }
}
