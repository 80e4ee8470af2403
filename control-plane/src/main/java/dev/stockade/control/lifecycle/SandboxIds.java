package dev.stockade.control.lifecycle;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Names for new sandboxes and executions, not to be guessed. */
final class SandboxIds {
    private static final SecureRandom RANDOM = new SecureRandom();

    private SandboxIds() {}

    static String sandbox() {
        return "sb-" + random();
    }

    static String execution() {
        return "ex-" + random();
    }

    private static String random() {
        byte[] bytes = new byte[8];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }
}
