package dev.stockade.cli.command;

/** Ids as people read them. */
final class Ids {
    private static final int SHORT_LENGTH = 12;

    private Ids() {}

    static String shorten(String id) {
        return id.length() <= SHORT_LENGTH ? id : id.substring(0, SHORT_LENGTH);
    }
}
