package dev.stockade.cli.api;

import java.security.SecureRandom;
import java.util.HexFormat;

/** The W3C trace context of one command: all its requests are spans below one trace. */
final class TraceContext {
    private static final int SUPPORTED_LENGTH = 55;

    private final String traceparent;

    private TraceContext(String traceparent) {
        this.traceparent = traceparent;
    }

    /** That of TRACEPARENT when a caller gives one, else a new one. */
    static TraceContext ofEnvironment() {
        String given = System.getenv("TRACEPARENT");
        if (given != null && given.length() == SUPPORTED_LENGTH && given.startsWith("00-")) {
            return new TraceContext(given);
        }
        byte[] ids = new byte[24];
        new SecureRandom().nextBytes(ids);
        HexFormat hex = HexFormat.of();
        return new TraceContext("00-" + hex.formatHex(ids, 0, 16) + "-" + hex.formatHex(ids, 16, 24) + "-01");
    }

    String traceparent() {
        return traceparent;
    }
}
